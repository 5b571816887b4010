#include "server/session_keeper.h"

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "base/thread.h"

namespace kv::server {

namespace {

using std::chrono::milliseconds;

// How often: a look reads what all sessions remember, and costs nothing where there are none.
milliseconds pause_for(milliseconds ttl) {
  constexpr int kLooksInTtl = 8;
  constexpr milliseconds kMin(100);
  constexpr milliseconds kMax(60'000);
  return std::clamp(ttl / kLooksInTtl, kMin, kMax);
}

}  // namespace

SessionKeeper::SessionKeeper(Backend& backend, const ClusterMember* cluster, milliseconds ttl)
    : backend_(backend), cluster_(cluster), ttl_(ttl), thread_([this] { run(); }) {}

SessionKeeper::~SessionKeeper() {
  stop();
  wait();
}

void SessionKeeper::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  stopped_.notify_all();
}

void SessionKeeper::wait() {
  if (thread_.joinable()) thread_.join();
}

void SessionKeeper::run() {
  constexpr int kNice = 10;  // nobody waits for it
  base::name_thread("kv-sessions");
  base::lower_priority(kNice);
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, pause_for(ttl_), [this] { return is_stopped_; })) {
    if (!is_primary(cluster_)) continue;
    lock.unlock();
    const auto now = std::chrono::duration_cast<milliseconds>(base::time_of(CLOCK_REALTIME));
    const milliseconds before = now - ttl_;
    // What fails is tried again with the next look; a closed store ends this soon.
    if (before.count() > 0) {
      [[maybe_unused]] const auto ended =
          backend_.expire_sessions(static_cast<std::uint64_t>(before.count()));
    }
    lock.lock();
  }
}

}  // namespace kv::server
