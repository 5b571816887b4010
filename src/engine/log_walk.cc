#include "engine/log_walk.h"

#include <fmt/format.h>

namespace kv::engine {

using format::RecordHeader;

Error LogWalk::damaged(std::uint64_t offset, std::string_view what) {
  // What is read again after this comes from the file: it may have been repaired.
  window_.forget();
  return Error{Errc::kCorruption,
               fmt::format("segment={} offset={} {}", source_.segment->path(), offset, what),
               {}};
}

Result<LogMark> LogWalk::beginning() {
  const std::uint64_t first = source_.segment->first_sequence;
  if (const auto known = marks_.nearest(id(), first); known && known->begins_segment()) {
    return *known;
  }
  auto begin = read_beginning();
  if (begin) marks_.begin(id(), *begin);
  return begin;
}

Result<LogMark> LogWalk::read_beginning() {
  auto bytes = window_.view(source_, 0, format::kSegmentHeaderSize);
  if (!bytes) return tl::unexpected(std::move(bytes).error());
  const auto header = format::decode_segment_header(*bytes);
  if (!header) return tl::unexpected(damaged(0, header.error().context));
  if (header->id != id() || header->salt != source_.segment->salt() ||
      header->first_sequence != source_.segment->first_sequence) {
    return tl::unexpected(damaged(0, "segment header: it is another segment's"));
  }
  // The first record says its term for sure; a header says 0 where nobody knew it.
  at_ = LogMark{header->first_sequence, format::kSegmentHeaderSize, header->chain, 0,
                header->first_sequence};
  LogMark begin = at_;
  auto first = peek();
  if (!first) return tl::unexpected(std::move(first).error());
  begin.term = first->term;
  return begin;
}

Result<void> LogWalk::go_to(std::uint64_t sequence) {
  auto start = marks_.nearest(id(), sequence);
  if (!start) {
    auto begin = beginning();
    if (!begin) return tl::unexpected(std::move(begin).error());
    start = *begin;
  }
  at_ = *start;
  mark_due_ = marks_.due(id());
  while (at_.sequence < sequence) {
    auto header = peek();
    if (!header) return tl::unexpected(std::move(header).error());
    pass(*header);
  }
  return {};
}

Result<RecordHeader> LogWalk::peek() {
  for (;;) {
    auto head = window_.view(source_, at_.offset, format::kRecordHeaderSize);
    if (!head) return tl::unexpected(std::move(head).error());
    RecordHeader header;
    switch (format::decode_record_header(*head, source_.segment->salt(), header)) {
      case format::HeaderState::kZero:
        return tl::unexpected(damaged(fmt::format("zeros where record {} was", at_.sequence)));
      case format::HeaderState::kInvalid:
        return tl::unexpected(
            damaged(fmt::format("header of record {} fails its checksum", at_.sequence)));
      case format::HeaderState::kValid:
        break;
    }
    const bool is_mark = header.type == format::RecordType::kSyncMark;
    auto fine = is_mark ? pass_sync_mark(header) : check(header);
    if (!fine) return tl::unexpected(std::move(fine).error());
    if (!is_mark) return header;
  }
}

Result<void> LogWalk::pass_sync_mark(const RecordHeader& header) {
  auto value = body(header);
  if (!value) return tl::unexpected(std::move(value).error());
  const auto mark = format::decode_sync_mark(*value);
  if (!mark || mark->last_sequence + 1 != at_.sequence || mark->chain != at_.chain) {
    return tl::unexpected(damaged("sync mark differs from the records before it"));
  }
  at_.offset += format::record_size(header);
  return {};
}

Result<void> LogWalk::check(const RecordHeader& header) {
  if (header.sequence != at_.sequence || (header.flags & format::kFlagInBatch) != 0) {
    return tl::unexpected(
        damaged(fmt::format("record {} where {} was", header.sequence, at_.sequence)));
  }
  if (header.term < at_.term) {
    return tl::unexpected(damaged(fmt::format("record {} of term {} behind one of term {}",
                                              header.sequence, header.term, at_.term)));
  }
  if (at_.offset + format::record_size(header) > source_.size) {
    return tl::unexpected(damaged(fmt::format("record {} ends before its length", at_.sequence)));
  }
  return {};
}

Result<std::string_view> LogWalk::body(const RecordHeader& header) {
  const std::size_t size =
      format::kRecordHeaderSize + std::size_t{header.key_size} + header.value_size;
  auto whole = window_.view(source_, at_.offset, size);
  if (!whole) return whole;
  if (whole->size() < size ||
      !format::body_is_intact(header, whole->substr(format::kRecordHeaderSize))) {
    return tl::unexpected(damaged(fmt::format("record {} fails its checksum", at_.sequence)));
  }
  return whole->substr(format::kRecordHeaderSize);
}

void LogWalk::pass(const RecordHeader& header) {
  at_.chain = format::extend_chain(at_.chain, header);
  at_.offset += format::record_size(header);
  at_.sequence += 1;
  if (header.term != at_.term) {
    at_.term = header.term;
    at_.term_start = header.sequence;
  }
  if (at_.offset >= mark_due_) mark_due_ = marks_.add(id(), at_);
}

}  // namespace kv::engine
