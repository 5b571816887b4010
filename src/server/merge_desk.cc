#include "server/merge_desk.h"

#include <chrono>
#include <utility>

namespace kv::server {

MergeDesk::~MergeDesk() {
  stop();
  thread_.join();
}

MergeTicket MergeDesk::start(std::uint64_t rate_max, Done done) {
  std::unique_lock lock(mutex_);
  if (is_stopped_) {
    lock.unlock();
    if (done) done(tl::unexpected(Error{Errc::kClosed, "the server is stopping", {}}));
    return {};
  }
  const bool has_joined = report_.begun != report_.ended;
  if (!has_joined) {
    report_.begun += 1;
    rate_max_ = rate_max;
    changed_.notify_all();
  }
  if (done) waiting_.push_back(std::move(done));
  return {report_.begun, has_joined};
}

void MergeDesk::stop() {
  // The thread may be just about to begin, and would not see that it is to stop.
  constexpr std::chrono::milliseconds kBetween{5};
  std::unique_lock lock(mutex_);
  is_stopped_ = true;
  changed_.notify_all();
  while (report_.begun != report_.ended) {
    lock.unlock();
    backend_.stop_merge();
    lock.lock();
    changed_.wait_for(lock, kBetween, [this] { return report_.begun == report_.ended; });
  }
}

MergeDesk::Report MergeDesk::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void MergeDesk::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopped_ || report_.begun != report_.ended; });
    if (report_.begun == report_.ended) return;
    const std::uint64_t rate_max = rate_max_;
    lock.unlock();
    const auto outcome = backend_.merge(rate_max);
    lock.lock();
    report_.ended = report_.begun;
    report_.last = outcome ? *outcome : MergeSummary{};
    report_.last_error = outcome ? "" : describe(outcome.error());
    const auto waiting = std::exchange(waiting_, {});
    changed_.notify_all();
    lock.unlock();
    for (const Done& done : waiting) done(outcome);
    lock.lock();
  }
}

}  // namespace kv::server
