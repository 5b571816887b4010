#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kv/result.h"

namespace kv::cli {

// How long those are waited for that have not answered, once others have: a server that hangs is to
// cost little, and one of a busy machine is to be heard. One thread.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  // Everybody is waited for until their own timeout.
  static Patience endless() {
    Patience patience;
    patience.is_endless_ = true;
    return patience;
  }
  void has_answered(Clock::duration taken) { slowest_ = std::max(slowest_.value_or(taken), taken); }
  // From the question on; nullopt: everybody is waited for, as nobody has answered yet.
  std::optional<Clock::duration> limit() const {
    constexpr std::chrono::seconds kLeast{1};
    constexpr int kTimes = 10;
    if (!slowest_ || is_endless_) return std::nullopt;
    return std::max<Clock::duration>(kLeast, kTimes * *slowest_);
  }

 private:
  std::optional<Clock::duration> slowest_;
  bool is_endless_ = false;
};

// Puts the same question to several servers at once, each in a thread of its own. What they said,
// in their order; kTimeout for those that `patience` ended for, whose threads go on until their own
// timeout and have copies of all that they need. `is_enough` is asked behind each answer, and true
// when the others need not be waited for.
template <class T>
std::vector<Result<T>> ask_at_once(
    const std::vector<std::string>& addresses,
    const std::function<Result<T>(const std::string&)>& ask, Patience& patience,
    const std::function<bool(const std::vector<std::optional<Result<T>>>&)>& is_enough) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::optional<Result<T>>> answers;  // guarded by mutex
    std::size_t news = 0;                           // the same: how many came
  };
  const auto shared = std::make_shared<Shared>();
  shared->answers.resize(addresses.size());
  const auto begun = Patience::Clock::now();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    std::thread([shared, ask, address = addresses[i], i] {
      auto answer = ask(address);
      const std::lock_guard lock(shared->mutex);
      shared->answers[i] = std::move(answer);
      shared->news += 1;
      shared->changed.notify_one();
    }).detach();
  }
  std::unique_lock lock(shared->mutex);
  std::size_t seen = 0;
  std::vector<bool> was_counted(addresses.size());
  while (seen < addresses.size() && !is_enough(shared->answers)) {
    const auto has_news = [&] { return shared->news > seen; };
    const auto limit = patience.limit();
    if (!limit) shared->changed.wait(lock, has_news);
    if (limit && !shared->changed.wait_until(lock, begun + *limit, has_news)) break;
    seen = shared->news;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (was_counted[i] || !shared->answers[i] || !*shared->answers[i]) continue;
      was_counted[i] = true;
      patience.has_answered(Patience::Clock::now() - begun);
    }
  }
  std::vector<Result<T>> out;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (shared->answers[i]) {
      out.push_back(std::move(*shared->answers[i]));
    } else {
      out.push_back(tl::unexpected(
          Error{Errc::kTimeout, "no answer from " + addresses[i] + ", while others answered", {}}));
    }
  }
  return out;
}

}  // namespace kv::cli
