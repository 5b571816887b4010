#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/commit_pipeline.h"
#include "engine/data_directory.h"
#include "engine/index.h"
#include "engine/merge_output.h"
#include "engine/merge_run.h"
#include "engine/segment_table.h"
#include "engine/segment_window.h"
#include "engine/tombstone_rule.h"
#include "engine/value_cache.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// Asked before each slice of work; may wait, to keep a rate.
class MergePace {
 public:
  virtual ~MergePace() = default;
  // `bytes` were read or written. False: stop now; the merge leaves everything as it was.
  virtual bool go_on(std::uint64_t bytes) = 0;
  // Between two short holds of the index's lock: waits a moment, so that requests that wait for the
  // lock get it. A lock that is taken again at once is never theirs.
  virtual void make_way() {}
};

struct MergeContext {
  DataDirectory& dir;
  SegmentTable& table;
  Index& index;
  ValueCache& cache;
  CommitPipeline& pipeline;
  EventListener* listener = nullptr;
  std::uint64_t output_size_max = 0;  // bytes; a new output begins behind it
};

struct MergeReport {
  std::uint64_t inputs = 0;
  std::vector<format::SegmentId> outputs;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t puts_kept = 0;
  std::uint64_t puts_dropped = 0;
  std::uint64_t deletes_kept = 0;
  std::uint64_t deletes_dropped = 0;
  bool was_stopped = false;  // nothing changed
};

// One merge: copies what still counts of some sealed segments into new ones and forgets the old
// ones. Writers and readers go on meanwhile. In steps, each durable before the next:
//
//   1. outputs are made and listed, unsealed        crash: recovery removes them
//   2. live records and needed deletes are copied   crash: the same
//   3. outputs and their hints are synced; whatever made a record dead is synced, too
//   4. the MANIFEST says: outputs sealed, in place of the inputs. The commit point.
//   5. the index moves each key from its old place to its new one, if it is still there
//   6. inputs leave the table; their files go when no snapshot holds them any more
//                                                   crash: recovery removes unlisted files
//
// What is kept comes out in key order: gathered up to MergeRun::kBytesMax (64 MiB of memory),
// sorted and written, as often as it takes. So a scan finds its next records side by side, once for
// each such run. Inputs are read from one end to the other all the same. Large records, which scans
// read one by one, are written as they come.
//
// A record counts when the index points exactly at it; a batch is proven, so its members part. Its
// sequence stays, so that order never depends on where a record lies. An input with a damaged
// record is left out, marked and told; its other records stay where they are.
//
// One thread, one merge at a time. Inputs: sealed, undamaged, every record applied to the index.
class Merge {
 public:
  Merge(const MergeContext& context, std::vector<std::shared_ptr<Segment>> inputs, MergePace& pace);

  Result<MergeReport> run();

 private:
  struct Move {
    std::uint64_t key_at;
    std::uint32_t key_size;
    Place from;
    Place to;
  };

  // A record that was read and not decided on. Key and value lie in taken_bytes_.
  struct Taken {
    format::RecordHeader header;
    std::size_t at;
    Place from;
  };

  Result<void> copy_all();
  Result<bool> copy(Segment& input);  // false: stopped, or damaged
  Result<void> take_frame(Segment& input, const Frame& frame, std::uint64_t offset);
  Result<void> take(const format::RecordHeader& header, std::string_view key,
                    std::string_view value, Place from);
  Result<void> decide();
  Result<void> decide(const Taken& record, std::optional<Place> place);
  Result<void> write_run();  // may find that the merge is to stop
  Result<void> write(const MergeRun::Record& record);
  bool go_on(std::uint64_t read);  // asks the pace, for what was read and what was written
  Result<MergeOutput*> output();
  Result<void> commit();
  void publish();
  void publish(std::span<Index::Move> moves);
  Result<void> abandon();
  void tell_damage(Segment& input, std::uint64_t offset);

  const MergeContext context_;
  std::vector<std::shared_ptr<Segment>> inputs_;
  MergePace& pace_;
  TombstoneRule tombstones_;
  std::vector<Taken> taken_;
  std::string taken_bytes_;
  MergeRun run_;
  std::vector<std::unique_ptr<MergeOutput>> outputs_;
  std::vector<Move> moves_;
  std::string keys_;  // of the moves
  std::uint64_t newest_dropped_delete_ = 0;
  std::uint64_t written_told_ = 0;  // to the pace
  MergeReport report_;
};

}  // namespace kv::engine
