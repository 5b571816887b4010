#include "protocol/receive_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace kv::protocol {

std::span<char> ReceiveBuffer::space() {
  const std::size_t used = end_ - begin_;
  if (used == 0) {
    begin_ = end_ = 0;
    if (capacity_ > kIdleMax) {
      memory_.reset();
      capacity_ = 0;
    }
  }
  if (capacity_ - end_ < kSpaceMin) {
    if (begin_ > 0 && (begin_ >= used || capacity_ - used >= 2 * kSpaceMin)) {
      std::memmove(data(), data() + begin_, used);
      begin_ = 0;
      end_ = used;
    }
    if (capacity_ - end_ < kSpaceMin) {
      // Large blocks grow in place (mremap), so a large value is not copied again and again.
      const std::size_t grown = std::max(capacity_ * 2, 2 * kSpaceMin);
      auto* moved = static_cast<char*>(std::realloc(memory_.get(), grown));
      if (moved == nullptr) throw std::bad_alloc();
      [[maybe_unused]] char* const old = memory_.release();
      memory_.reset(moved);
      capacity_ = grown;
    }
  }
  return {data() + end_, capacity_ - end_};
}

std::shared_ptr<const void> ReceiveBuffer::release(std::size_t size) {
  const std::string_view rest = bytes().substr(size);
  std::unique_ptr<char, Free> next;
  std::size_t next_capacity = 0;
  if (!rest.empty()) {
    next_capacity = std::max(rest.size(), 2 * kSpaceMin);
    next.reset(static_cast<char*>(std::malloc(next_capacity)));
    if (!next) throw std::bad_alloc();
    std::memcpy(next.get(), rest.data(), rest.size());
  }
  const std::shared_ptr<char> owner(memory_.release(), Free());
  memory_ = std::move(next);
  capacity_ = next_capacity;
  begin_ = 0;
  end_ = rest.size();
  return owner;
}

}  // namespace kv::protocol
