#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kv::server {

// Where SCANs of all connections stopped: RESP's cursors are numbers, ours are keys. A number stays
// good for the next so many SCANs of anybody; those of another start of the server are never taken
// for one of this. Any thread.
class ScanCursors {
 public:
  ScanCursors();

  // The number of a SCAN that goes on behind `key`; never 0, and exact as a double.
  std::uint64_t add(std::string_view key);
  // Nothing: it is too old, or was never given.
  std::optional<std::string> find(std::uint64_t number) const;

 private:
  static constexpr std::size_t kCountMax = 16 * 1024;
  static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

  mutable std::mutex mutex_;
  std::uint64_t next_;
  std::unordered_map<std::uint64_t, std::string> keys_;
  std::deque<std::uint64_t> order_;  // oldest first
  std::size_t bytes_ = 0;
};

}  // namespace kv::server
