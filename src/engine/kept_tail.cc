#include "engine/kept_tail.h"

#include <deque>

namespace kv::engine {

namespace {

// Bytes handed over at once.
constexpr std::uint64_t kPiece = 4 * 1024 * 1024;

Result<AppendTarget> add(DataDirectory& dir, SegmentTable& table, const KeptSegment& kept) {
  const std::string path = dir.segment_path(kept.info.id);
  auto file = dir.fs().open(path, io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  auto segment = table.add(path, kept.info.id, kept.info.kind, kept.info.salt);
  if (!segment) return tl::unexpected(std::move(segment).error());
  (*segment)->size = kept.end;
  (*segment)->records = kept.records;
  (*segment)->first_sequence = kept.first_sequence;
  (*segment)->last_sequence = kept.last_sequence;
  return AppendTarget{*segment, table.adopt_file(**segment, std::move(*file))};
}

Result<void> adopt(CommitPipeline& pipeline, const AppendTarget& target, const KeptSegment& kept) {
  SegmentWindow window(*target.file, kept.end, kept.info.salt);
  std::uint64_t chain = kept.chain_before;
  std::deque<std::string> bodies;
  std::vector<AdoptedRecord> records;
  std::uint64_t bytes = 0;
  for (std::uint64_t at = format::kSegmentHeaderSize; at < kept.end;) {
    auto frame = window.frame(at);
    if (!frame) return tl::unexpected(std::move(frame).error());
    if (frame->state != Frame::State::kIntact) {
      return tl::unexpected(Error{Errc::kIo, "the log's end changed since it was scanned", {}});
    }
    const std::uint64_t size = format::record_size(frame->header);
    if (frame->header.type != format::RecordType::kSyncMark) {
      chain = format::extend_chain(chain, frame->header);
      bodies.emplace_back(frame->body);
      records.push_back({{frame->header, bodies.back()}, at, chain});
      bytes += size;
    }
    at += size;
    if (bytes < kPiece && at < kept.end) continue;
    pipeline.adopt(target, records);
    records.clear();
    bodies.clear();
    bytes = 0;
  }
  return {};
}

}  // namespace

Result<void> adopt_tail(DataDirectory& dir, SegmentTable& table, CommitPipeline& pipeline,
                        std::span<const KeptSegment> kept) {
  for (const KeptSegment& one : kept) {
    auto target = add(dir, table, one);
    if (!target) return tl::unexpected(std::move(target).error());
    if (auto adopted = adopt(pipeline, *target, one); !adopted) return adopted;
  }
  return {};
}

}  // namespace kv::engine
