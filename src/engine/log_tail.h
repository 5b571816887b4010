#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "engine/log_buffer.h"
#include "engine/log_record.h"
#include "engine/segment.h"
#include "io/file_system.h"
#include "kv/store.h"

namespace kv::engine {

// A segment with its file open for appending.
struct AppendTarget {
  std::shared_ptr<Segment> segment;
  std::shared_ptr<io::File> file;
};

// A segment that takes no more records, all of it synced: ready to be sealed.
struct RetiredSegment {
  AppendTarget target;
  std::uint64_t last_sequence = 0;
  std::uint64_t end_chain = 0;
};

// Records that one call writes to one segment, and what the log is after them.
struct WriteGroup {
  AppendTarget target;
  std::uint64_t offset = 0;  // where it begins in the segment
  LogBuffer buffer;
  std::uint64_t records = 0;
  std::uint64_t chain_before = 0;
  std::uint64_t sequence_before = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t chain_after = 0;
};

// A put or delete with its checksums taken, ready to be given a sequence.
struct PreparedRecord {
  format::RecordHeader header;
  std::string_view key;
  std::string_view value;
  std::shared_ptr<const void> owner;  // set: a large value is referred to, not copied
};
PreparedRecord prepare_record(format::RecordType type, std::string_view key, std::string_view value,
                              std::shared_ptr<const void> owner);

// The end of the log: which segment takes records, at what offset, with what sequence and chain.
// Gives each record its place and encodes it. Guarded by the commit pipeline's mutex.
class LogTail {
 public:
  // `fs` tells the time, and outlives it. `version`: of its segments; those with system records
  // have one of their own.
  LogTail(const io::FileSystem& fs, std::uint64_t last_sequence, std::uint64_t chain,
          std::uint64_t database_id_hash, std::uint16_t version = format::kSegmentVersion)
      : fs_(&fs),
        last_sequence_(last_sequence),
        chain_(chain),
        database_id_hash_(database_id_hash),
        version_(version) {}

  bool has_target() const { return target_.segment != nullptr; }
  const AppendTarget& target() const { return target_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t last_sequence() const { return last_sequence_; }
  std::uint64_t chain() const { return chain_; }

  // The segment is empty; its header goes in front of the first record. Returns the one before.
  AppendTarget take_target(AppendTarget target);

  // Of the records from here on, until they come with one of their own.
  void set_term(std::uint64_t term) { term_ = term; }
  // The record appended last, and where it begins in the target.
  const LogRecord& newest() const { return newest_; }
  std::uint64_t newest_offset() const { return newest_offset_; }

  // Makes `group` begin here, with the segment's header if it is the first and with a sync mark if
  // more was synced than the last mark says.
  void begin(WriteGroup& group, std::uint64_t synced_sequence);
  // The appended record's place; its sequence is last_sequence(). `key` is set to the encoded key.
  Place append(WriteGroup& group, PreparedRecord& record, std::string_view& key);
  // One record for all of them. Calls `visit(member, place, key)` for each member that counts.
  template <class Visit>
  void append_batch(WriteGroup& group, const Batch& batch, Visit visit);

  // As it comes, being the next in sequence. `body` is set to where it lies now.
  Place append_foreign(WriteGroup& group, const ForeignRecord& record, std::string_view& body);

  // Nothing from `group` on was written: the next record takes its place.
  void rewind(const WriteGroup& group);
  // The log ends with that record again; the next one begins the target, which is empty.
  void roll_back(std::uint64_t last_sequence, std::uint64_t chain);

 private:
  std::uint64_t next_sequence(WriteGroup& group);
  void finish(WriteGroup& group, const format::RecordHeader& header);

  const io::FileSystem* fs_;
  AppendTarget target_;
  LogRecord newest_;
  std::uint64_t newest_offset_ = 0;
  std::uint64_t term_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t last_sequence_;
  std::uint64_t chain_;
  std::uint64_t marked_sequence_ = 0;  // what the newest mark says is synced
  const std::uint64_t database_id_hash_;
  const std::uint16_t version_;
};

// A batch's members that count: the last operation of each key, in order.
std::vector<const Batch::Operation*> effective_operations(const Batch& batch);
// Bytes of one member record within a batch.
std::uint64_t member_size(const Batch::Operation& operation);

template <class Visit>
void LogTail::append_batch(WriteGroup& group, const Batch& batch, Visit visit) {
  const auto members = effective_operations(batch);
  std::uint64_t body_size = 0;
  for (const auto* member : members) body_size += member_size(*member);
  format::RecordHeader header;
  header.type = format::RecordType::kBatch;
  header.value_size = static_cast<std::uint32_t>(body_size);
  header.sequence = next_sequence(group);
  header.term = term_;
  header.timestamp_ms = fs_->wall_clock_ms();

  const std::uint64_t start = offset_;
  char* const at = group.buffer.extend(format::kRecordHeaderSize + body_size);
  std::string body;
  body.reserve(body_size);
  for (const auto* member : members) {
    format::RecordHeader inner;
    inner.type = member->is_delete ? format::RecordType::kDelete : format::RecordType::kPut;
    inner.flags = format::kFlagInBatch;
    inner.sequence = header.sequence;
    inner.timestamp_ms = header.timestamp_ms;
    const std::uint64_t inner_at = format::kRecordHeaderSize + body.size();
    // Members carry no salt: the batch's own checksum seals them.
    format::append_record(body, inner, member->key,
                          member->is_delete ? std::string_view{} : member->value, 0);
    const std::string_view key(at + inner_at + format::kRecordHeaderSize, member->key.size());
    visit(*member, Place(target_.segment->slot(), start + inner_at, member_size(*member)), key);
  }
  std::memcpy(at + format::kRecordHeaderSize, body.data(), body.size());
  header.body_crc = base::crc32c(body);
  format::encode_record_header(header, target_.segment->salt(), at);
  group.records += members.size();
  finish(group, header);
}

}  // namespace kv::engine
