#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/damage.h"
#include "engine/data_directory.h"
#include "engine/index.h"
#include "engine/segment_table.h"
#include "engine/unsealed.h"
#include "kv/event.h"
#include "kv/result.h"
#include "kv/store.h"

namespace kv::engine {

// Damage found at open whose keys the index cannot hold, because they could not be told: asked for
// every key, so that it is answered as damage and never as "not found" or with an older value.
class HiddenDamage {
 public:
  void add(const std::string& path, const DamagedRange& range);
  // As the MANIFEST remembers it: a scan does not find what is missing without a trace again.
  void add(const std::string& path, const format::Quarantine& range);
  bool empty() const { return entries_.empty(); }
  // The damage that may hide a record of `key` newer than `version` (0: the key is not there).
  std::optional<Error> may_hide(std::string_view key, Version version) const;
  // Some range may lack keys or show old values.
  std::optional<Error> any() const;

 private:
  struct Entry {
    std::string where;
    std::uint64_t last_sequence = 0;
    bool is_blind = false;
    DamagedRange::Fingerprint fingerprint;
  };
  void add_blind(const std::string& where, std::uint64_t last_sequence);
  Error error(const Entry& entry) const;
  std::vector<Entry> entries_;
};

// The state of an opened database.
struct Recovered {
  RecoveryStats stats;
  std::uint64_t last_sequence = 0;  // the next record gets the one after it
  std::uint64_t chain = 0;          // hash chain up to and with it
  HiddenDamage hidden;
  std::vector<format::SegmentId> covered;  // by the checkpoint it began with
  // An empty segment that is in the MANIFEST already and waits to become the active one.
  std::optional<format::SegmentId> spare;
  // Of a replicated log: the segments behind those that the index has, and what is lost of them.
  std::vector<KeptSegment> kept;
  std::uint64_t applied_sequence = 0;  // what the index has
  std::uint64_t lost_sequence = 0;     // 0: nothing
  std::uint64_t lost_term = 0;
};

struct RecoveryContext {
  DataDirectory& dir;
  SegmentTable& table;
  Index& index;
  std::uint32_t threads = 1;
  EventListener* listener = nullptr;
  std::optional<std::uint64_t> committed = {};  // of a replicated log: see seal_unsealed()
  LostListener on_lost = {};                    // the same
};

// Brings the index to what the log says. Every segment becomes a sorted run of its keys, from its
// hint if that is valid and from a scan of its records otherwise; the runs are joined, the highest
// sequence of each key wins. A checkpoint stands for the segments it covers. The torn tail of a
// crash is cut, what was active is sealed, damage is quarantined. Changes on disk are made so that
// a crash at any of them, and another recovery, ends in the same state: files are truncated and
// synced before the MANIFEST says how long they are.
Result<Recovered> recover(const RecoveryContext& context);

}  // namespace kv::engine
