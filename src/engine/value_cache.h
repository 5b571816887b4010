#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "engine/place.h"
#include "kv/options.h"

namespace kv::engine {

// Small values that were read or written of late, by place, in a bounded piece of memory; they come
// without a system call. What lies at a place never changes, so a value here is never out of date:
// a write gives its key another place, a merge takes values along to theirs, and what nobody looks
// for any more is overwritten in time. When a segment's slot is given to another one, clear() must
// come before its first record.
//
// Where a value is looked for depends on its key's hash (hash_key()) and not on its place, so that
// the memory of both, this and the index, can be waited for at once: see prefetch_slots().
//
// Sixteen shards, each a ring that is overwritten from its oldest value on and a table of what lies
// where; a value that is found in the oldest quarter goes to the front again. (Approximately the
// least recently used go, as in Yang et al., "FIFO queues are all you need for cache eviction",
// SOSP 2023, without the queues.) Address space is reserved at once; memory is taken from the
// system as values come.
//
// Any thread.
class ValueCache {
 public:
  static constexpr std::size_t kValueMax = 4096;  // bytes; larger ones are not taken

  // `bytes_max`: of values and table; under 1 MiB there is no cache.
  explicit ValueCache(std::uint64_t bytes_max);
  ~ValueCache();
  ValueCache(const ValueCache&) = delete;
  ValueCache& operator=(const ValueCache&) = delete;

  // False: it takes and finds nothing, and nobody needs to hash a key for it.
  bool is_on() const { return ring_units_ != 0; }

  // The value at `place`, which replaces `bytes`. False: it is not here.
  bool find(std::uint64_t hash, Place place, std::string& bytes, Version& version);
  // While the caller holds the place's segment, so that its slot is not another's meanwhile.
  void add(std::uint64_t hash, Place place, std::string_view bytes, Version version);
  // The same for a value that was just written, so that its first reader finds it.
  void add_written(std::uint64_t hash, Place place, std::string_view bytes, Version version);
  // The record at `from` now lies at `to`, too, whose segment the caller holds.
  void move(std::uint64_t hash, Place from, Place to);
  // Two steps that bring to the processor what find() will touch for each; something else is best
  // done between them.
  void prefetch_slots(std::span<const std::uint64_t> hashes) const;
  void prefetch_values(std::span<const std::uint64_t> hashes) const;
  void clear();

  struct Use {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t bytes = 0;  // of memory, taken so far
    std::uint64_t bytes_max = 0;
  };
  Use use() const;

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kWays = 8;  // slots of a bucket: one cache line
  static constexpr std::uint64_t kUnit = 8;

  // In the ring, in front of the value.
  struct Header {
    std::uint64_t place;
    std::uint64_t version;
    std::uint64_t size;
  };
  // A slot: 16 bits of the hash, and 48 of the header's position, in units, counted from the
  // beginning of time (so 0 is none); after 32 PiB nothing is found any more. Used through
  // std::atomic_ref for the sake of prefetch_values(), which looks without the lock; no atomic
  // itself, for that would be made in memory that is not needed yet.
  using Slot = std::uint64_t;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Slot* slots = nullptr;
    char* ring = nullptr;
    std::uint64_t head = kUnit;  // position behind the newest value, in units
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
  };

  const Shard& shard_of(std::uint64_t hash) const { return shards_[hash % kShards]; }
  Shard& shard_of(std::uint64_t hash) { return shards_[hash % kShards]; }
  Slot* bucket_of(const Shard& shard, std::uint64_t hash) const;
  char* at(const Shard& shard, std::uint64_t position) const {
    return shard.ring + position % ring_units_ * kUnit;
  }
  bool is_intact(const Shard& shard, std::uint64_t position) const {
    return position != 0 && position + ring_units_ >= shard.head;
  }
  // The position of the place's header; 0: it is not here.
  std::uint64_t position_of(const Shard& shard, Place place, std::uint64_t hash) const;
  void put(Shard& shard, std::uint64_t hash, const Header& header, std::string_view bytes);

  std::uint64_t ring_units_ = 0;  // of a shard; 0: there is no cache
  std::uint64_t buckets_ = 0;     // of a shard, a power of two
  std::uint64_t memory_size_ = 0;
  char* memory_ = nullptr;
  const std::unique_ptr<Shard[]> shards_ = std::make_unique<Shard[]>(kShards);
};

}  // namespace kv::engine
