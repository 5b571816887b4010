#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kv::io {

// Bytes of a simulated file. A copy shares its pages until one side writes to them, so that the
// state of a whole machine is cheap to keep and to go back to. All copies belong to one thread at a
// time.
class SimImage {
 public:
  std::uint64_t size() const { return size_; }
  // Fewer than `size` only where the image ends.
  std::size_t read(std::uint64_t offset, char* out, std::size_t size) const;
  std::string text() const;
  // Grows as needed; what was never written is zero.
  void write(std::uint64_t offset, std::string_view bytes);
  void resize(std::uint64_t size);

 private:
  static constexpr std::uint64_t kPageSize = 4096;
  using Page = std::array<char, kPageSize>;
  char* writable(std::uint64_t page);

  std::vector<std::shared_ptr<Page>> pages_;  // null: zeros; past size_ there are zeros only
  std::uint64_t size_ = 0;
};

}  // namespace kv::io
