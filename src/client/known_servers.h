#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kv::client {

// The servers that a client may ask: those it was given, and leaders it was told of, the newest
// few. One of them is the current one, which the next request goes to. One thread.
class KnownServers {
 public:
  // At least one, as HOST:PORT.
  explicit KnownServers(std::vector<std::string> given)
      : addresses_(std::move(given)), given_(addresses_.size()) {}

  const std::string& current() const { return addresses_[current_]; }
  const std::vector<std::string>& addresses() const { return addresses_; }
  bool are_several() const { return addresses_.size() > 1; }

  void go_to(std::string_view address);  // known from then on
  void go_on();                          // to the next one, and behind the last to the first

  // The highest epoch a server has told of: what one says of an earlier epoch is out of date.
  std::uint64_t epoch() const { return epoch_; }
  void see_epoch(std::uint64_t epoch) { epoch_ = std::max(epoch_, epoch); }

 private:
  static constexpr std::size_t kToldMax = 8;

  std::vector<std::string> addresses_;  // those given, then those told of, oldest first
  std::size_t given_;
  std::size_t current_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace kv::client
