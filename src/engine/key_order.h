#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kv::engine {

// First 8 bytes of the key as a number that compares as the bytes do; shorter keys are filled with
// zeros.
std::uint64_t key_prefix(std::string_view key);

// Puts keys that lie elsewhere in order. What is sorted is small, and most comparisons end in the
// eight bytes behind what all keys begin with. One thread.
class KeyOrder {
 public:
  // Every key, in the order of their numbers: 0, 1, ...
  void add(std::string_view key);
  // `key_of(number)` is the key as it was added; `is_before(a, b)` orders the numbers of equal
  // keys.
  template <class KeyOf, class IsBefore>
  void sort(KeyOf key_of, IsBefore is_before);
  // After sort(): the number of the i-th key in order.
  std::size_t operator[](std::size_t i) const { return order_[i].number; }
  // False: the i-th key and the one after it differ, or there is none. Looks at no key.
  bool may_equal_next(std::size_t i) const {
    return i + 1 < count_ && order_[i].prefix == order_[i + 1].prefix;
  }
  std::size_t size() const { return count_; }
  void clear();

  static constexpr std::size_t kBytesPerKey = 2 * sizeof(std::uint64_t);

 private:
  struct Entry {
    std::uint64_t prefix;
    std::size_t number;
  };
  std::string shared_;  // what all keys begin with
  std::size_t count_ = 0;
  std::vector<Entry> order_;
};

template <class KeyOf, class IsBefore>
void KeyOrder::sort(KeyOf key_of, IsBefore is_before) {
  const std::size_t skip = shared_.size();
  order_.clear();
  order_.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    order_.push_back({key_prefix(key_of(i).substr(skip)), i});
  }
  std::sort(order_.begin(), order_.end(), [&](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = key_of(a.number).substr(skip).compare(key_of(b.number).substr(skip));
    return order != 0 ? order < 0 : is_before(a.number, b.number);
  });
}

}  // namespace kv::engine
