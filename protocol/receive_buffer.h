#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

namespace kv::protocol {

// Bytes of one connection that are not used up yet, in one piece. Grows by doubling what came,
// never on the word of a length field, and gives memory back when it is empty. One thread.
class ReceiveBuffer {
 public:
  // Free space behind the bytes, at least 1 byte. Moves the bytes.
  std::span<char> space();
  void commit(std::size_t size) { end_ += size; }

  std::string_view bytes() const { return {data() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }
  std::size_t capacity() const { return capacity_; }

  // Hands over the memory under the first `size` bytes, which are consumed; the views into them
  // stay as they are. What lies behind is copied.
  std::shared_ptr<const void> release(std::size_t size);

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  static constexpr std::size_t kSpaceMin = 16 * 1024;
  static constexpr std::size_t kIdleMax = 256 * 1024;  // an empty buffer keeps no more

  char* data() const { return memory_.get(); }

  std::unique_ptr<char, Free> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace kv::protocol
