#include "io/sim_content.h"

#include <algorithm>
#include <array>

namespace kv::io {

void SimContent::write(std::uint64_t offset, Bytes bytes) {
  if (!bytes || bytes->empty()) return;
  unsynced_.push_back({offset, std::move(bytes)});
  apply(current_, unsynced_.back());
}

void SimContent::truncate(std::uint64_t size) {
  unsynced_.push_back({size, nullptr});
  apply(current_, unsynced_.back());
}

void SimContent::sync() {
  for (const Change& change : unsynced_) apply(durable_, change);
  unsynced_.clear();
}

void SimContent::flip(std::uint64_t offset, char mask) {
  for (SimImage* image : {&current_, &durable_}) {
    char byte = 0;
    if (image->read(offset, &byte, 1) == 0) continue;
    byte = static_cast<char>(byte ^ mask);
    image->write(offset, {&byte, 1});
  }
}

void SimContent::put(std::uint64_t offset, char byte) {
  for (SimImage* image : {&current_, &durable_}) {
    char there = 0;
    if (image->read(offset, &there, 1) != 0) image->write(offset, {&byte, 1});
  }
}

void SimContent::crash(CrashMode mode, SimRandom& random) {
  if (mode == CrashMode::kKeepCache) return;
  if (mode == CrashMode::kKeepAll) sync();
  if (mode == CrashMode::kRandom && !unsynced_.empty()) durable_ = survivors(random);
  unsynced_.clear();
  current_ = durable_;
}

void SimContent::apply(SimImage& image, const Change& change) {
  if (change.bytes) {
    image.write(change.offset, *change.bytes);
  } else {
    image.resize(change.offset);
  }
}

// Data and size travel separately. Sizes are metadata and change in order, up to some point;
// sectors are written in any order and count only where the size that survived reaches.
SimImage SimContent::survivors(SimRandom& random) const {
  static constexpr std::array<std::uint64_t, 5> kKeptPercents = {0, 10, 50, 90, 100};
  const std::uint64_t kept_percent = kKeptPercents[random.below(kKeptPercents.size())];
  const std::uint64_t size_changes = random.below(unsynced_.size() + 1);
  SimImage image = durable_;
  std::uint64_t size = durable_.size();
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const Change& change = unsynced_[i];
    const bool is_size_kept = i < size_changes;
    if (!change.bytes) {
      if (!is_size_kept) continue;
      size = change.offset;
      image.resize(std::min<std::uint64_t>(image.size(), size));
      continue;
    }
    write_sectors(image, change, kept_percent, random);
    const std::uint64_t bytes = change.bytes->size();
    if (is_size_kept) size = std::max(size, change.offset + bytes);
    // The first size that did not make it may have got part of the way.
    if (i == size_changes) size = std::max(size, change.offset + random.below(bytes));
  }
  image.resize(size);
  return image;
}

void SimContent::write_sectors(SimImage& image, const Change& change, std::uint64_t kept_percent,
                               SimRandom& random) {
  static constexpr std::uint64_t kTornPercent = 10;
  std::string_view rest = *change.bytes;
  std::uint64_t offset = change.offset;
  while (!rest.empty()) {
    const std::uint64_t to_boundary = kSectorSize - offset % kSectorSize;
    const std::string_view sector = rest.substr(0, to_boundary);
    if (random.chance(kept_percent)) {
      const bool is_torn = random.chance(kTornPercent);
      image.write(offset, is_torn ? sector.substr(0, random.below(sector.size())) : sector);
    }
    offset += sector.size();
    rest.remove_prefix(sector.size());
  }
}

}  // namespace kv::io
