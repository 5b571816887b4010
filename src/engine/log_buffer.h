#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace kv::engine {

// The bytes of one write to the log, gathered from many records: small ones copied into chunks that
// do not move, large values referred to where they are. One thread at a time. Cleared and used
// again, it keeps one chunk, so that the steady state allocates nothing.
class LogBuffer {
 public:
  // `size` bytes behind what was appended last, to be filled by the caller at once.
  char* extend(std::size_t size);
  // Refers to `bytes`, which `owner` keeps alive until clear().
  void refer(std::string_view bytes, std::shared_ptr<const void> owner);

  std::span<const std::string_view> pieces() const { return pieces_; }
  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

 private:
  static constexpr std::size_t kChunkSize = 256 * 1024;

  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::size_t used = 0;
  };
  std::vector<Chunk> chunks_;
  std::vector<std::string_view> pieces_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::uint64_t size_ = 0;
};

}  // namespace kv::engine
