#pragma once

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

  Destination(std::string address, Find find)
      : find_(std::move(find)), place_{std::move(address), 0} {}

  Place current() const {
    const std::lock_guard lock(mutex_);
    return place_;
  }
  // What comes behind the place of that turn, which serves no more. Threads that lost the same one
  // look for the next one once, and wait for it. nullopt: there is none yet.
  std::optional<Place> behind(std::uint64_t turn) {
    const std::lock_guard lock(mutex_);
    if (place_.turn > turn) return place_;
    auto address = find_();
    if (!address) return std::nullopt;
    place_ = {std::move(*address), place_.turn + 1};
    return place_;
  }

 private:
  const Find find_;
  mutable std::mutex mutex_;
  Place place_;  // guarded by mutex_
};

}  // namespace kv::bench
