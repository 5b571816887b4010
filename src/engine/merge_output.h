#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/data_directory.h"
#include "engine/segment_keys.h"
#include "engine/segment_table.h"
#include "format/edit.h"
#include "format/record.h"
#include "kv/result.h"

namespace kv::engine {

// A segment that a merge writes: records of any sequences, each with the one it always had. Listed
// in the MANIFEST from its creation on, unsealed; a crash before the merge's commit leaves it so,
// and recovery removes it. One thread.
class MergeOutput {
 public:
  static Result<std::unique_ptr<MergeOutput>> create(DataDirectory& dir, SegmentTable& table);

  // Copies the record under its own sequence, as a plain one even if it was a batch's member.
  // Returns its new place. Writes in large pieces; size() counts what is still in memory.
  Result<Place> append(format::RecordHeader header, std::string_view key, std::string_view value);
  std::uint64_t size() const { return written_ + buffer_.size(); }

  // Makes all of it durable and its hint with it. What the MANIFEST is to say of it goes to
  // seal_edit().
  Result<void> finish();
  format::SealSegment seal_edit() const;

  Segment& segment() const { return *segment_; }

 private:
  MergeOutput(DataDirectory& dir, std::shared_ptr<Segment> segment, std::shared_ptr<io::File> file);
  Result<void> flush();

  DataDirectory& dir_;
  const std::shared_ptr<Segment> segment_;
  const std::shared_ptr<io::File> file_;
  std::string buffer_;  // not yet written
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t last_sequence_ = 0;
  SegmentKeys keys_;
};

}  // namespace kv::engine
