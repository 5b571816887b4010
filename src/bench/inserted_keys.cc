#include "bench/inserted_keys.h"

#include "base/check.h"

namespace kv::bench {

std::uint32_t InsertedKeys::next() {
  const std::lock_guard lock(mutex_);
  if (!failed_.empty()) {
    const std::uint32_t key = failed_.back();
    failed_.pop_back();
    return key;
  }
  if (next_ == UINT32_MAX) return UINT32_MAX;
  const std::uint32_t count = count_.load(std::memory_order_relaxed);
  if (next_ - count == is_done_.size()) {
    std::vector<char> larger(2 * is_done_.size());
    for (std::uint32_t key = count; key != next_; ++key) {
      larger[key & (larger.size() - 1)] = is_done_[key & (is_done_.size() - 1)];
    }
    is_done_.swap(larger);
  }
  return next_++;
}

void InsertedKeys::done(std::uint32_t key) {
  const std::lock_guard lock(mutex_);
  std::uint32_t count = count_.load(std::memory_order_relaxed);
  KV_CHECK(key >= count && key < next_);
  const std::size_t mask = is_done_.size() - 1;
  is_done_[key & mask] = 1;
  while (count != next_ && is_done_[count & mask] != 0) is_done_[count++ & mask] = 0;
  count_.store(count, std::memory_order_release);
}

void InsertedKeys::failed(std::uint32_t key) {
  const std::lock_guard lock(mutex_);
  KV_CHECK(key >= count_.load(std::memory_order_relaxed) && key < next_);
  failed_.push_back(key);
}

}  // namespace kv::bench
