#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kv/event.h"

namespace kv {

inline constexpr std::uint32_t kKeySizeMax = 64 * 1024;            // bytes; keys are 1..this long
inline constexpr std::uint32_t kValueSizeMax = 64 * 1024 * 1024;   // bytes; values are 0..this long
inline constexpr std::uint32_t kBatchCountMax = 10'000;            // operations in one batch
inline constexpr std::uint64_t kBatchSizeMax = 128 * 1024 * 1024;  // keys and values of one batch

// Keys that begin with these 32 bytes, the last ones in order, are the store's own: writes of them
// are refused, and ranges end before them.
inline constexpr std::string_view kReservedKeyPrefix =
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
static_assert(kReservedKeyPrefix.size() == 32);
constexpr bool is_reserved_key(std::string_view key) { return key.starts_with(kReservedKeyPrefix); }

// Of one session; see SessionRequest.
inline constexpr std::uint32_t kSessionRequestsMax = 64;  // whose answers are remembered

// When a write is acknowledged and visible; docs/durability.md says what each survives.
enum class Sync {
  kNone,      // written to the operating system
  kInterval,  // the same, and synced every Options::sync_interval
  kDisk,      // its group's fdatasync returned
};

struct Options {
  Sync sync = Sync::kDisk;
  std::chrono::milliseconds sync_interval{1000};  // 1 ms .. 1 h
  // Bytes, 4 KiB .. 4 GiB; one large record may exceed it. While the data is small, segments are
  // smaller: a sixteenth of the live bytes, from 8 MiB on.
  std::uint64_t segment_size_max = 128 * 1024 * 1024;
  double space_target = 1.5;  // disk use the merges keep under, as a multiple of live bytes; > 1
  std::uint64_t merge_rate_max = 256 * 1024 * 1024;  // bytes a second a merge reads and writes
  bool merges_automatically = true;
  // A checkpoint is written when the sealed segments that the last one does not cover hold this
  // many records, and a quarter of all keys.
  std::uint64_t checkpoint_records_min = 1'000'000;
  // Bytes a second at which sealed segments are read in the background, to find what rots; 0: not.
  std::uint64_t scrub_rate = 4 * 1024 * 1024;
  // Free bytes of the disk below which puts are refused, so that deletes and merges can make room;
  // 0: twice segment_size_max, and at most an eighth of the disk.
  std::uint64_t space_reserve = 0;
  // Memory for small values (up to 4 KiB) that were read or written of late; 0: none. None given:
  // an eighth of the memory the process may use, and at most 2 GiB. Each store has its own: so much
  // address space is reserved by open(), and memory is taken as values come.
  std::optional<std::uint64_t> value_cache_max;
  std::uint32_t open_segments_max = 512;  // descriptors of sealed segments kept open, >= 1
  std::uint32_t recovery_threads = 0;     // 0: one per processor
  std::uint64_t sessions_max = 100'000;   // more are not opened
  bool create_if_missing = true;
  std::string_view holder;            // told to whoever finds the directory in use
  EventListener* listener = nullptr;  // outlives the store
};

using Version = std::uint64_t;  // the sequence of the record that wrote a value; never reused

// A condition on the newest state of the key at the moment the write takes its place in the log.
struct Condition {
  enum class Kind { kAlways, kAbsent, kPresent, kVersion };
  Kind kind = Kind::kAlways;
  Version version = 0;  // for kVersion
};

// A write as a request of a session: however often it is submitted, it is carried out once, and
// each submission is answered as the first was. What a session remembers is as durable as its
// writes, and goes where they go.
struct SessionRequest {
  std::uint64_t session = 0;     // 0: the write belongs to none
  std::uint64_t number = 0;      // from 1, given by the client
  std::uint64_t done_below = 0;  // the client has the answers to all requests below this one, and
                                 // will not repeat them; at most `number`
  std::uint64_t now_ms = 0;      // wall clock, for Store::expire_sessions()
};

// What a write to a cluster waits for; docs/replication.md says what each survives.
enum class Ack {
  kMajority,  // it is on the disks of a majority, and visible
  kLocal,  // it is on the leader's disk, and the leader cannot have been replaced; not yet visible
};

struct WriteOptions {
  std::optional<Sync> sync;  // stronger than Options::sync; a weaker one is taken as Options::sync
  Condition condition;       // put and del only
  std::optional<Ack> ack;    // stronger than the server's setting; a weaker one is taken as that
};

}  // namespace kv
