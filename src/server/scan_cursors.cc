#include "server/scan_cursors.h"

#include <random>

namespace kv::server {

ScanCursors::ScanCursors() {
  std::random_device random;
  constexpr std::uint64_t kStartMask = (std::uint64_t{1} << 52) - 1;
  next_ = ((std::uint64_t{random()} << 32 | random()) & kStartMask) | 1;
}

std::uint64_t ScanCursors::add(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  keys_.emplace(number, key);
  order_.push_back(number);
  bytes_ += key.size();
  while (order_.size() > kCountMax || (bytes_ > kBytesMax && order_.size() > 1)) {
    const auto oldest = keys_.find(order_.front());
    bytes_ -= oldest->second.size();
    keys_.erase(oldest);
    order_.pop_front();
  }
  return number;
}

std::optional<std::string> ScanCursors::find(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(number);
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace kv::server
