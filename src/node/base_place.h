#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "peer/snapshot.h"

namespace kv::node {

// The files in front of the segments: what they are, and who the members were at that point.
inline constexpr std::uint32_t kBaseHeads = 2;

// A place in files that come one after the other: {number of files, 0} is their end.
struct BasePlace {
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const BasePlace&, const BasePlace&) = default;
};

// The files of a state, as they travel.
class BasePlaces {
 public:
  explicit BasePlaces(const std::vector<peer::SnapshotFile>& files) {
    for (const peer::SnapshotFile& file : files) {
      starts_.push_back(bytes_);
      bytes_ += file.size;
    }
    starts_.push_back(bytes_);
  }

  std::uint64_t bytes() const { return bytes_; }
  BasePlace end() const { return {static_cast<std::uint32_t>(starts_.size() - 1), 0}; }
  std::uint64_t size(std::uint32_t file) const { return starts_[file + 1] - starts_[file]; }
  bool is_valid(const BasePlace& place) const {
    return place == end() || (place.file < end().file && place.offset < size(place.file));
  }
  // Bytes in front of it.
  std::uint64_t before(const BasePlace& place) const { return starts_[place.file] + place.offset; }
  BasePlace after(const BasePlace& place, std::uint64_t bytes) const {
    const std::uint64_t offset = place.offset + bytes;
    return offset < size(place.file) ? BasePlace{place.file, offset} : BasePlace{place.file + 1, 0};
  }

 private:
  std::vector<std::uint64_t> starts_;
  std::uint64_t bytes_ = 0;
};

}  // namespace kv::node
