#include "server/reply_queue.h"

namespace kv::server {

namespace {

constexpr std::size_t kDeadSlotsMax = 1024;
// Kept by a connection that awaits nothing.
constexpr std::size_t kIdleSlotsMax = 128;

}  // namespace

void ReplyQueue::pop() {
  front_ += 1;
  if (front_ < slots_.size() && front_ < kDeadSlotsMax) return;
  first_ += front_;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(front_));
  front_ = 0;
  if (slots_.empty() && slots_.capacity() > kIdleSlotsMax) std::vector<Slot>().swap(slots_);
}

void ReplyQueue::move_known() {
  while (!empty() && slots_[front_].is_known) {
    text_size_ -= slots_[front_].text.size();
    output_.append(std::move(slots_[front_].text));
    pop();
  }
}

}  // namespace kv::server
