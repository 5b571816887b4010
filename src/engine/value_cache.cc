#include "engine/value_cache.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <sys/mman.h>

namespace kv::engine {

namespace {

constexpr std::uint64_t kBytesMin = 1024 * 1024;
constexpr std::uint64_t kBytesPerSlot = 128;  // of the ring: more slots than small values
constexpr unsigned kPositionBits = 48;
constexpr std::uint64_t kPositionMax = (std::uint64_t{1} << kPositionBits) - 1;

std::uint64_t tag_of(std::uint64_t hash) { return hash >> kPositionBits; }

std::uint64_t load(std::uint64_t& slot) {
  return std::atomic_ref(slot).load(std::memory_order_relaxed);
}

}  // namespace

ValueCache::ValueCache(std::uint64_t bytes_max) {
  if (bytes_max < kBytesMin) return;
  const std::uint64_t of_shard = bytes_max / kShards;
  buckets_ = std::bit_floor(of_shard / (kBytesPerSlot * kWays));
  const std::uint64_t table_size = buckets_ * kWays * sizeof(Slot);
  ring_units_ = (of_shard - table_size) / kUnit;
  memory_size_ = kShards * (table_size + ring_units_ * kUnit);
  void* const memory = ::mmap(nullptr, memory_size_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    ring_units_ = memory_size_ = 0;  // reads go without
    return;
  }
  memory_ = static_cast<char*>(memory);
  char* next = memory_;
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    shard.slots = reinterpret_cast<Slot*>(next);  // zeros, as they come from the system
    next += table_size;
  }
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    shard.ring = next;
    next += ring_units_ * kUnit;
  }
}

ValueCache::~ValueCache() {
  if (memory_ != nullptr) ::munmap(memory_, memory_size_);
}

ValueCache::Slot* ValueCache::bucket_of(const Shard& shard, std::uint64_t hash) const {
  return shard.slots + (hash / kShards & (buckets_ - 1)) * kWays;
}

std::uint64_t ValueCache::position_of(const Shard& shard, Place place, std::uint64_t hash) const {
  Slot* const bucket = bucket_of(shard, hash);
  for (std::size_t i = 0; i < kWays; ++i) {
    const std::uint64_t slot = load(bucket[i]);
    const std::uint64_t position = slot & kPositionMax;
    if (slot >> kPositionBits != tag_of(hash) || !is_intact(shard, position)) continue;
    std::uint64_t found;
    std::memcpy(&found, at(shard, position), sizeof found);
    if (found == place.bits()) return position;
  }
  return 0;
}

bool ValueCache::find(std::uint64_t hash, Place place, std::string& bytes, Version& version) {
  if (!is_on()) return false;
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const std::uint64_t position = position_of(shard, place, hash);
  if (position == 0) {
    shard.misses += 1;
    return false;
  }
  shard.hits += 1;
  const char* const found = at(shard, position);
  Header header;
  std::memcpy(&header, found, sizeof header);
  bytes.assign(found + sizeof header, header.size);
  version = header.version;
  const bool is_old = position + ring_units_ < shard.head + ring_units_ / 4;
  if (is_old) put(shard, hash, header, bytes);
  return true;
}

void ValueCache::add(std::uint64_t hash, Place place, std::string_view bytes, Version version) {
  if (!is_on() || bytes.size() > kValueMax) return;
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  if (position_of(shard, place, hash) != 0) return;  // another reader was faster
  put(shard, hash, {place.bits(), version, bytes.size()}, bytes);
}

void ValueCache::add_written(std::uint64_t hash, Place place, std::string_view bytes,
                             Version version) {
  if (!is_on() || bytes.size() > kValueMax) return;
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  // A reader may have been faster; what it added is overwritten in time.
  put(shard, hash, {place.bits(), version, bytes.size()}, bytes);
}

void ValueCache::move(std::uint64_t hash, Place from, Place to) {
  if (!is_on()) return;
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const std::uint64_t position = position_of(shard, from, hash);
  if (position == 0) return;
  const std::uint64_t bits = to.bits();
  std::memcpy(at(shard, position) + offsetof(Header, place), &bits, sizeof bits);
}

void ValueCache::put(Shard& shard, std::uint64_t hash, const Header& header,
                     std::string_view bytes) {
  const std::uint64_t size = (sizeof header + bytes.size() + kUnit - 1) / kUnit;
  const std::uint64_t room = ring_units_ - shard.head % ring_units_;
  if (room < size) shard.head += room;  // values do not reach around the ring's end
  const std::uint64_t position = shard.head;
  shard.head += size;
  char* const to = at(shard, position);
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, bytes.data(), bytes.size());

  Slot* const bucket = bucket_of(shard, hash);
  Slot* victim = bucket;
  std::uint64_t oldest = UINT64_MAX;
  for (Slot* slot = bucket; slot < bucket + kWays; ++slot) {
    const std::uint64_t value = load(*slot);
    // Most likely the same key's, from where it was before.
    const bool is_same = value >> kPositionBits == tag_of(hash);
    const std::uint64_t age = is_same ? 0 : value & kPositionMax;
    if (age < oldest) {
      oldest = age;
      victim = slot;
    }
  }
  std::atomic_ref(*victim).store(tag_of(hash) << kPositionBits | position,
                                 std::memory_order_relaxed);
}

void ValueCache::prefetch_slots(std::span<const std::uint64_t> hashes) const {
  if (!is_on()) return;
  for (const std::uint64_t hash : hashes) __builtin_prefetch(bucket_of(shard_of(hash), hash));
}

void ValueCache::prefetch_values(std::span<const std::uint64_t> hashes) const {
  if (!is_on()) return;
  for (const std::uint64_t hash : hashes) {
    const Shard& shard = shard_of(hash);
    Slot* const bucket = bucket_of(shard, hash);
    for (std::size_t i = 0; i < kWays; ++i) {
      const std::uint64_t slot = load(bucket[i]);
      if (slot >> kPositionBits != tag_of(hash)) continue;
      constexpr std::size_t kLine = 64;
      const char* const value = at(shard, slot & kPositionMax);
      __builtin_prefetch(value);
      __builtin_prefetch(value + kLine);
    }
  }
}

// As if each ring had been overwritten once around.
void ValueCache::clear() {
  for (Shard& shard : std::span(shards_.get(), kShards)) {
    const std::lock_guard lock(shard.mutex);
    shard.head += ring_units_;
  }
}

ValueCache::Use ValueCache::use() const {
  Use use;
  use.bytes_max = memory_size_;
  for (const Shard& shard : std::span(shards_.get(), kShards)) {
    const std::lock_guard lock(shard.mutex);
    use.hits += shard.hits;
    use.misses += shard.misses;
    if (shard.head == kUnit || !is_on()) continue;
    use.bytes += std::min(shard.head, ring_units_) * kUnit + buckets_ * kWays * sizeof(Slot);
  }
  return use;
}

}  // namespace kv::engine
