#include "engine/log_tail.h"

#include <unordered_set>

#include "base/check.h"

namespace kv::engine {

namespace {

// Values from here on are referred to instead of copied, when somebody keeps them alive.
constexpr std::size_t kReferredValueMin = 32 * 1024;
constexpr char kZeros[format::kRecordAlignment] = {};

}  // namespace

PreparedRecord prepare_record(format::RecordType type, std::string_view key, std::string_view value,
                              std::shared_ptr<const void> owner) {
  PreparedRecord record;
  record.header.type = type;
  record.header.key_size = static_cast<std::uint32_t>(key.size());
  record.header.value_size = static_cast<std::uint32_t>(value.size());
  record.header.key_crc = base::crc32c(key);
  record.header.body_crc = base::crc32c_extend(record.header.key_crc, value);
  record.key = key;
  record.value = value;
  if (value.size() >= kReferredValueMin) record.owner = std::move(owner);
  return record;
}

std::uint64_t member_size(const Batch::Operation& operation) {
  const std::size_t value_size = operation.is_delete ? 0 : operation.value.size();
  return format::padded(format::kRecordHeaderSize + operation.key.size() + value_size);
}

std::vector<const Batch::Operation*> effective_operations(const Batch& batch) {
  const auto& all = batch.operations();
  std::vector<const Batch::Operation*> members;
  members.reserve(all.size());
  std::unordered_set<std::string_view> seen;
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (seen.insert(at->key).second) members.push_back(&*at);
  }
  return {members.rbegin(), members.rend()};
}

AppendTarget LogTail::take_target(AppendTarget target) {
  std::swap(target, target_);
  offset_ = 0;
  return target;
}

void LogTail::begin(WriteGroup& group, std::uint64_t synced_sequence) {
  group.target = target_;
  group.offset = offset_;
  group.chain_before = chain_;
  group.sequence_before = last_sequence_;
  group.last_sequence = last_sequence_;
  group.chain_after = chain_;
  if (offset_ == 0) {
    const std::string header = format::encode_segment_header(
        {format::SegmentKind::kLog, target_.segment->id(), target_.segment->salt(),
         last_sequence_ + 1, term_, chain_, database_id_hash_, version_});
    std::memcpy(group.buffer.extend(header.size()), header.data(), header.size());
  }
  if (synced_sequence > marked_sequence_) {
    std::string mark;
    format::append_sync_mark(mark, {synced_sequence, last_sequence_, chain_}, term_,
                             fs_->wall_clock_ms(), target_.segment->salt());
    std::memcpy(group.buffer.extend(mark.size()), mark.data(), mark.size());
    marked_sequence_ = synced_sequence;
  }
  offset_ += group.buffer.size();
}

std::uint64_t LogTail::next_sequence(WriteGroup& group) {
  group.last_sequence = ++last_sequence_;
  return last_sequence_;
}

void LogTail::finish(WriteGroup& group, const format::RecordHeader& header) {
  chain_ = format::extend_chain(chain_, header);
  group.chain_after = chain_;
  newest_offset_ = offset_;
  offset_ = group.offset + group.buffer.size();
  newest_ = log_record(header, chain_);
}

Place LogTail::append(WriteGroup& group, PreparedRecord& record, std::string_view& key) {
  record.header.sequence = next_sequence(group);
  record.header.term = term_;
  record.header.timestamp_ms = fs_->wall_clock_ms();
  const std::uint64_t size = format::record_size(record.header);
  const Place place(target_.segment->slot(), offset_, size);
  const std::size_t head_size = format::kRecordHeaderSize + record.key.size();
  const std::size_t padding = size - head_size - record.value.size();
  char* const at = group.buffer.extend(record.owner ? head_size : size);
  format::encode_record_header(record.header, target_.segment->salt(), at);
  record.key.copy(at + format::kRecordHeaderSize, record.key.size());
  key = std::string_view(at + format::kRecordHeaderSize, record.key.size());
  if (record.owner) {
    group.buffer.refer(record.value, std::move(record.owner));
    if (padding > 0) std::memcpy(group.buffer.extend(padding), kZeros, padding);
  } else {
    if (!record.value.empty())
      std::memcpy(at + head_size, record.value.data(), record.value.size());
    std::memcpy(at + size - padding, kZeros, padding);
  }
  if (!format::is_system(record.header.type)) group.records += 1;
  finish(group, record.header);
  return place;
}

Place LogTail::append_foreign(WriteGroup& group, const ForeignRecord& record,
                              std::string_view& body) {
  KV_CHECK(record.header.sequence == next_sequence(group));
  const std::uint64_t size = format::record_size(record.header);
  const Place place(target_.segment->slot(), offset_, size);
  char* const at = group.buffer.extend(size);
  format::encode_record_header(record.header, target_.segment->salt(), at);
  record.body.copy(at + format::kRecordHeaderSize, record.body.size());
  body = std::string_view(at + format::kRecordHeaderSize, record.body.size());
  const std::size_t used = format::kRecordHeaderSize + record.body.size();
  std::memset(at + used, 0, size - used);
  finish(group, record.header);
  return place;
}

void LogTail::roll_back(std::uint64_t last_sequence, std::uint64_t chain) {
  KV_CHECK(offset_ == 0 && last_sequence <= last_sequence_);
  last_sequence_ = last_sequence;
  chain_ = chain;
  marked_sequence_ = 0;
  newest_ = {};
}

void LogTail::rewind(const WriteGroup& group) {
  last_sequence_ = group.sequence_before;
  chain_ = group.chain_before;
  // A segment that was taken after the group's is still empty.
  offset_ = target_.segment == group.target.segment ? group.offset : 0;
  marked_sequence_ = 0;
}

}  // namespace kv::engine
