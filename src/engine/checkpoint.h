#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/commit_pipeline.h"
#include "engine/data_directory.h"
#include "engine/index.h"
#include "engine/merge.h"
#include "engine/segment_table.h"
#include "format/checkpoint.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// The CHECKPOINT: every live key and its place as of one sequence, so that an open loads that and
// then only the segments that came after, instead of joining all hints.
//
// It covers the segments that were sealed when it was taken; entries of others are left out. A key
// is where the checkpoint says unless a segment it does not cover holds something newer; where a
// covered segment has been merged away since, the record is in the merge's output, which is not
// covered. For that to hold no merge may be under way while it is taken, and no segment may be
// damaged.
//
// Written beside requests, under another name, synced and renamed: a crash leaves the old one or
// the new one, and any doubt about either means loading hints.

struct CheckpointReport {
  std::uint64_t sequence = 0;
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::vector<format::SegmentId> covered;
  bool was_stopped = false;
};

// What a checkpoint will hold, fixed at one moment.
class Checkpoint {
 public:
  // While no merge is under way. Nothing when no segment is sealed; kCorruption when one is
  // damaged.
  static Result<std::optional<Checkpoint>> take(const MergeContext& context);
  // More bytes than one taken now will have.
  static std::uint64_t size_max(const MergeContext& context);
  // Any time after, beside merges too.
  Result<CheckpointReport> write(MergePace& pace);

 private:
  Checkpoint(const MergeContext& context, Index::Snapshot snapshot,
             std::shared_ptr<const void> segments)
      : context_(context), snapshot_(std::move(snapshot)), segments_(std::move(segments)) {}
  Result<void> write_blocks(io::File& file, MergePace& pace, CheckpointReport& report);
  static constexpr std::uint32_t kNotCovered = UINT32_MAX;

  MergeContext context_;
  Index::Snapshot snapshot_;
  std::shared_ptr<const void> segments_;  // pinned
  format::CheckpointHead head_;
  std::vector<std::uint32_t> number_of_slot_;  // in the head's list
};

// A checkpoint found at open, checked, its content kept.
struct OpenCheckpoint {
  std::unique_ptr<const std::string> content;
  format::CheckpointReader reader;
};
// Nothing when there is none, or it is not this database's, or damaged: told, and otherwise
// harmless.
std::optional<OpenCheckpoint> open_checkpoint(DataDirectory& dir, EventListener* listener);

}  // namespace kv::engine
