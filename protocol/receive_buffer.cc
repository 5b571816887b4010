#include "protocol/receive_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace kv::protocol {

std::span<char> ReceiveBuffer::space(std::size_t wanted) {
  const std::size_t used = end_ - begin_;
  if (used == 0) {
    begin_ = end_ = 0;
    if (capacity_ > kIdleMax) {
      memory_.reset();
      capacity_ = 0;
    }
  }
  const bool is_bounded = wanted >= kLargeMin && wanted > used;
  const std::size_t space_max = is_bounded ? wanted - used : kSpaceMax;
  const std::size_t space_min = std::min(kSpaceMin, space_max);
  if (capacity_ - end_ < space_min) {
    const bool is_worth_moving = begin_ >= used || capacity_ - used >= 2 * kSpaceMin;
    if (begin_ > 0 && (is_bounded || is_worth_moving)) move_to_front();
    if (capacity_ - end_ < space_min) {
      const std::size_t doubled = std::max(capacity_ * 2, 2 * kSpaceMin);
      grow(is_bounded ? std::min(doubled, wanted) : doubled);
    }
  }
  return {data() + end_, std::min(capacity_ - end_, space_max)};
}

void ReceiveBuffer::move_to_front() {
  const std::size_t used = end_ - begin_;
  std::memmove(data(), data() + begin_, used);
  begin_ = 0;
  end_ = used;
}

void ReceiveBuffer::grow(std::size_t capacity) {
  // Large blocks grow in place (mremap), so a large value is not copied again and again.
  auto* moved = static_cast<char*>(std::realloc(memory_.get(), capacity));
  if (moved == nullptr) throw std::bad_alloc();
  [[maybe_unused]] char* const old = memory_.release();
  memory_.reset(moved);
  capacity_ = capacity;
}

void ReceiveBuffer::erase(std::size_t at, std::size_t size) {
  char* const hole = data() + begin_ + at;
  std::memmove(hole, hole + size, end_ - begin_ - at - size);
  end_ -= size;
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
