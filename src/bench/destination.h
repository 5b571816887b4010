#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace kv::bench {

// Where the requests of a run go: to whoever leads a cluster. Any thread.
class Destination {
 public:
  // HOST:PORT of the one that leads now; nullopt: nobody does, or cannot be reached. It may take
  // some seconds.
  using Find = std::function<std::optional<std::string>()>;

  struct Place {
    std::string address;
    std::uint64_t turn = 0;  // how often it has changed
  };
  // What came of looking for the next place.
  struct Look {
    std::optional<Place> place;  // nullopt: there is none
    bool is_over = true;         // false: ask again soon, another thread is looking or just has
  };

  // Those who lead are asked no more often than `between_looks`, however many threads want to know.
  Destination(std::string address, Find find,
              std::chrono::milliseconds between_looks = std::chrono::milliseconds(100))
      : find_(std::move(find)), between_looks_(between_looks), place_{std::move(address), 0} {}

  Place current() const {
    const std::lock_guard lock(mutex_);
    return place_;
  }
  // What comes behind the place of that turn, which serves no more. Of the threads that lost the
  // same one the first looks for the next one, and the others go on with what they have to do
  // meanwhile.
  Look behind(std::uint64_t turn) {
    std::unique_lock lock(mutex_);
    if (place_.turn > turn) return {place_};
    if (is_looking_ || std::chrono::steady_clock::now() < look_at_) return {std::nullopt, false};
    is_looking_ = true;
    lock.unlock();
    auto address = find_();
    lock.lock();
    is_looking_ = false;
    look_at_ = std::chrono::steady_clock::now() + between_looks_;
    if (!address) return {};
    place_ = {std::move(*address), place_.turn + 1};
    return {place_};
  }

 private:
  const Find find_;  // is called by one thread at a time
  const std::chrono::milliseconds between_looks_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Place place_;
  bool is_looking_ = false;
  std::chrono::steady_clock::time_point look_at_{};  // not before
};

}  // namespace kv::bench
