#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/sim_image.h"
#include "io/sim_random.h"

namespace kv::io {

// What a crash leaves of everything that was not synced; sim_file_system.h tells the model.
enum class CrashMode {
  kKeepCache,     // only the process died: nothing is lost, and nothing more is durable than before
  kLoseUnsynced,  // power lost before anything unsynced reached the disk
  kKeepAll,       // power lost after all of it did
  kRandom,        // power lost half way: each sector and each name has its own luck
};

// The bytes of one simulated file: as readers see them, as the disk has them, and the changes in
// between. Cheap to copy. Not thread-safe.
class SimContent {
 public:
  static constexpr std::uint64_t kSectorSize = 512;
  using Bytes = std::shared_ptr<const std::string>;

  const SimImage& current() const { return current_; }
  const SimImage& durable() const { return durable_; }

  // `bytes` may be shared with other copies; null or empty: nothing happens.
  void write(std::uint64_t offset, Bytes bytes);
  void truncate(std::uint64_t size);
  void sync();
  // A sync that failed: what it should have written stays visible and is never written again.
  void drop_unsynced() { unsynced_.clear(); }
  // On the disk and in memory, as rot that is read later. Reaches no further than the content does.
  void flip(std::uint64_t offset, char mask);
  void put(std::uint64_t offset, char byte);  // where there is one, synced or not
  void crash(CrashMode mode, SimRandom& random);

 private:
  struct Change {
    std::uint64_t offset;  // of a truncate: the new size
    Bytes bytes;           // null: a truncate
  };
  static void apply(SimImage& image, const Change& change);
  static void write_sectors(SimImage& image, const Change& change, std::uint64_t kept_percent,
                            SimRandom& random);
  SimImage survivors(SimRandom& random) const;

  SimImage current_;
  SimImage durable_;
  std::vector<Change> unsynced_;  // oldest first; durable_ has none of them
};

}  // namespace kv::io
