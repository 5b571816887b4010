#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/place.h"

namespace kv::engine {

// Some keys of a scan, in its order, and their places. The keys' bytes lie one behind the other, so
// that a window that is used again allocates nothing. One thread.
class IndexWindow {
 public:
  // Keys take no more than this together, unless there is but one.
  static constexpr std::size_t kKeyBytesMax = 64 * 1024;

  std::size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }
  // Valid until the next change.
  std::string_view key(std::size_t number) const {
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(keys_).substr(begin, ends_[number] - begin);
  }
  Place place(std::size_t number) const { return places_[number]; }
  std::span<const Place> places() const { return places_; }
  bool is_full() const { return keys_.size() >= kKeyBytesMax; }

  void reserve(std::size_t count) {
    ends_.reserve(count);
    places_.reserve(count);
  }
  void add(std::string_view key, Place place) {
    keys_.append(key);
    ends_.push_back(static_cast<std::uint32_t>(keys_.size()));
    places_.push_back(place);
  }
  void clear() {
    keys_.clear();
    ends_.clear();
    places_.clear();
  }

 private:
  std::string keys_;
  std::vector<std::uint32_t> ends_;  // of each key in keys_
  std::vector<Place> places_;
};

}  // namespace kv::engine
