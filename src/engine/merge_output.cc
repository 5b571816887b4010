#include "engine/merge_output.h"

#include <algorithm>

#include "engine/planted.h"
#include "engine/segment_load.h"

namespace kv::engine {

namespace {

constexpr std::size_t kWriteSize = 256 * 1024;
// Synced along the way, so that the last sync finds little to do and the log's syncs do not queue
// behind it.
constexpr std::uint64_t kSyncEvery = 8 * 1024 * 1024;

}  // namespace

MergeOutput::MergeOutput(DataDirectory& dir, std::shared_ptr<Segment> segment,
                         std::shared_ptr<io::File> file)
    : dir_(dir), segment_(std::move(segment)), file_(std::move(file)) {
  buffer_ = format::encode_segment_header({format::SegmentKind::kMerged, segment_->id(),
                                           segment_->salt(), 0, 0, format::kChainUnknown,
                                           format::database_id_hash(dir.identity())});
}

Result<std::unique_ptr<MergeOutput>> MergeOutput::create(DataDirectory& dir, SegmentTable& table) {
  auto made = dir.create_segment(format::SegmentKind::kMerged);
  if (!made) return tl::unexpected(std::move(made).error());
  auto segment =
      table.add(dir.segment_path(made->id), made->id, format::SegmentKind::kMerged, made->salt);
  if (!segment) return tl::unexpected(std::move(segment).error());
  auto file = table.adopt_file(**segment, std::move(made->file));
  return std::unique_ptr<MergeOutput>(new MergeOutput(dir, std::move(*segment), std::move(file)));
}

Result<Place> MergeOutput::append(format::RecordHeader header, std::string_view key,
                                  std::string_view value) {
  const std::uint64_t offset = size();
  header.flags &= static_cast<std::uint8_t>(~format::kFlagInBatch);
  // The body's checksum is the one it was read with: a copy that went wrong cannot pass.
  char head[format::kRecordHeaderSize];
  format::encode_record_header(header, segment_->salt(), head);
  buffer_.append(head, sizeof head);
  buffer_.append(key);
  buffer_.append(value);
  const std::uint64_t record_size = format::record_size(header);
  buffer_.resize(static_cast<std::size_t>(offset - written_ + record_size), '\0');
  records_ += 1;
  first_sequence_ =
      first_sequence_ == 0 ? header.sequence : std::min(first_sequence_, header.sequence);
  last_sequence_ = std::max(last_sequence_, header.sequence);
  keys_.add({key, header.sequence, offset, header.value_size, header.type});
  if (header.type == format::RecordType::kDelete) segment_->delete_bytes += record_size;
  if (buffer_.size() >= kWriteSize) {
    if (auto flushed = flush(); !flushed) return tl::unexpected(std::move(flushed).error());
  }
  return Place(segment_->slot(), offset, record_size);
}

Result<void> MergeOutput::flush() {
  const std::string_view pieces[] = {buffer_};
  if (auto done = file_->write_at(written_, pieces); !done) return done;
  written_ += buffer_.size();
  buffer_.clear();
  if (written_ - synced_ < kSyncEvery) return {};
  synced_ = written_;
  return file_->sync();
}

Result<void> MergeOutput::finish() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (!is_planted(Bug::kMergeOutputNotSynced)) {
    if (auto synced = file_->sync(); !synced) return synced;
  }
  format::SegmentInfo info;
  const format::SealSegment seal = seal_edit();
  info.id = seal.id;
  info.size = seal.size;
  info.records = seal.records;
  info.first_sequence = seal.first_sequence;
  info.last_sequence = seal.last_sequence;
  info.end_chain = seal.end_chain;
  write_hint(dir_.fs(), dir_.hint_path(seal.id),
             std::move(keys_).hint(binding_of(info, segment_->salt())), nullptr);
  segment_->size = seal.size;
  segment_->records = seal.records;
  segment_->first_sequence = seal.first_sequence;
  segment_->last_sequence = seal.last_sequence;
  return {};
}

format::SealSegment MergeOutput::seal_edit() const {
  return {segment_->id(),  written_,       records_,
          first_sequence_, last_sequence_, format::kChainUnknown};
}

}  // namespace kv::engine
