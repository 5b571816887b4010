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
  // Free space behind the bytes, at least 1 byte; may move the bytes. `wanted` is what the request
  // under way takes in all, where that is known (else 0). A large one gets no more than that, so
  // that nothing of the next request stands behind it when its memory is handed over.
  std::span<char> space(std::size_t wanted);
  void commit(std::size_t size) { end_ += size; }

  std::string_view bytes() const { return {data() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }
  // Takes `size` bytes out, `at` bytes behind the first; what lies behind moves up.
  void erase(std::size_t at, std::size_t size);
  std::size_t capacity() const { return capacity_; }

  // Hands over the memory under the first `size` bytes, which are consumed; the views into them
  // stay as they are. What lies behind is copied.
  std::shared_ptr<const void> release(std::size_t size);

  static constexpr std::size_t kLargeMin = 64 * 1024;  // `wanted` from here on is large

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  static constexpr std::size_t kSpaceMin = 16 * 1024;
  static constexpr std::size_t kSpaceMax = 256 * 1024;  // bounds what release() may have to copy
  static constexpr std::size_t kIdleMax = 32 * 1024;    // an empty buffer keeps no more

  char* data() const { return memory_.get(); }
  void move_to_front();
  void grow(std::size_t capacity);

  std::unique_ptr<char, Free> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace kv::protocol
