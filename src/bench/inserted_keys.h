#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace kv::bench {

// Hands out the numbers of keys to be inserted, and knows up to which all have been: a read of a
// key that is still on its way would say nothing about the server, and neither would one of a key
// whose insert came to nothing. Such a number is handed out again before any new one, so that it
// holds the others back for no longer than the server refuses all of them. Any thread.
class InsertedKeys {
 public:
  // `loaded` keys are there already.
  explicit InsertedKeys(std::uint32_t loaded)
      : count_(loaded), is_done_(kWindowMin), next_(loaded) {}

  // A number that nobody else gets. UINT32_MAX: there are no more.
  std::uint32_t next();
  // The server has this key.
  void done(std::uint32_t key);
  // It was refused, or lost on the way: nobody knows whether the server has it.
  void failed(std::uint32_t key);
  // All keys below were inserted.
  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kWindowMin = 1024;

  std::atomic<std::uint32_t> count_;
  std::mutex mutex_;
  // Guarded by mutex_. is_done_[k % size] tells it of key k, from count_ up to next_; the size is a
  // power of two and doubles when a slow answer holds count_ back for long.
  std::vector<char> is_done_;
  std::uint32_t next_;
  std::vector<std::uint32_t> failed_;  // to be handed out again
};

}  // namespace kv::bench
