#include "peer/record_run.h"

#include <memory>

#include <fmt/format.h>

#include "base/check.h"
#include "format/membership.h"
#include "peer/log_entry.h"

namespace kv::peer {
namespace {

constexpr std::uint64_t kNoSalt = 0;

std::uint64_t padding_of(const format::RecordHeader& header, std::string_view body) {
  return format::record_size(header) - format::kRecordHeaderSize - body.size();
}

tl::unexpected<FrameError> bad_record(raft::Seq seq, std::string_view reason) {
  return refuse(Fault::kMalformed, fmt::format("APPEND: record {} {}", seq, reason));
}

// The record at the front of `in`, which is number `seq` of the log.
Parsed<ReceivedRecord> read_record(FieldReader& in, raft::Seq seq) {
  ReceivedRecord record;
  const std::string_view head = in.bytes(format::kRecordHeaderSize);
  if (format::decode_record_header(head, kNoSalt, record.header) != format::HeaderState::kValid) {
    return bad_record(seq, "has no valid header");
  }
  const format::RecordHeader& header = record.header;
  if (header.type == format::RecordType::kSyncMark || header.flags != 0) {
    return bad_record(seq, "is none of the log's");
  }
  if (header.sequence != seq) return bad_record(seq, "has another number");
  record.body = in.bytes(std::size_t{header.key_size} + header.value_size);
  if (!in.is_good()) return bad_record(seq, "is not whole");
  in.zeros(static_cast<std::size_t>(padding_of(header, record.body)));
  if (!in.is_good()) return bad_record(seq, "is padded with other than zeros");
  if (!format::body_is_intact(header, record.body)) {
    return refuse(Fault::kRecordDamaged,
                  fmt::format("APPEND: key or value of record {} fails its checksum", seq));
  }
  return record;
}

Parsed<raft::Entry> make_entry(const ReceivedRecord& record, std::uint64_t chain) {
  raft::Entry entry = entry_of(record.header);
  entry.chain = format::extend_chain(chain, record.header);
  if (entry.kind != raft::EntryKind::kConfig) return entry;
  const auto membership = format::decode_membership(record.body);
  if (!membership) return bad_record(entry.seq, membership.error().context);
  auto config = std::make_shared<const raft::Config>(config_of(*membership));
  if (!config->is_well_formed()) return bad_record(entry.seq, "is a configuration that cannot be");
  entry.config = std::move(config);
  return entry;
}

}  // namespace

void append_records(FrameWriter& frame, const raft::Append& append,
                    std::span<const SentRecord> records) {
  KV_CHECK(append.last - append.prev.seq == records.size());
  frame.add(append.prev);
  frame.add(append.last);
  frame.add(append.commit);
  frame.add(append.round);
  frame.add(append.safe);
  frame.add(static_cast<std::uint32_t>(records.size()));
  frame.zeros(4);
  raft::Seq seq = append.prev.seq;
  for (const SentRecord& record : records) {
    KV_CHECK(record.header.sequence == ++seq);
    KV_CHECK(record.body.size() ==
             std::uint64_t{record.header.key_size} + record.header.value_size);
    char head[format::kRecordHeaderSize];
    format::encode_record_header(record.header, kNoSalt, head);
    frame.copy({head, sizeof head});
    frame.refer(record.body, record.owner);
    frame.zeros(static_cast<std::size_t>(padding_of(record.header, record.body)));
  }
}

Parsed<void> read_records(FieldReader& in, Received& received) {
  raft::Append append;
  append.prev = in.point();
  append.last = in.u64();
  append.commit = in.u64();
  append.round = in.u64();
  append.safe = in.u64();
  const std::uint32_t count = in.u32();
  in.zeros(4);
  const bool is_sane = in.is_good() && append.last >= append.prev.seq &&
                       append.last - append.prev.seq == count &&
                       append.prev.term <= received.message.term;
  // Before anything is allocated for them.
  if (!is_sane || count > in.rest().size() / format::kRecordHeaderSize) {
    return refuse(Fault::kMalformed, "APPEND: its numbers do not go together");
  }
  append.entries.reserve(count);
  received.records.reserve(count);
  raft::Point before = append.prev;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto record = read_record(in, before.seq + 1);
    if (!record) return tl::unexpected(std::move(record).error());
    if (record->header.term < before.term || record->header.term > received.message.term) {
      return bad_record(before.seq + 1, "is of a term that cannot be");
    }
    auto entry = make_entry(*record, before.chain);
    if (!entry) return tl::unexpected(std::move(entry).error());
    before = entry->point();
    append.entries.push_back(std::move(*entry));
    received.records.push_back(*record);
  }
  received.message.body = std::move(append);
  return {};
}

}  // namespace kv::peer
