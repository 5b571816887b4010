// What replication asks of the commit pipeline: records that come from elsewhere, that are told to
// be committed, or taken back before they are.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "engine/commit_pipeline.h"
#include "engine/damage.h"
#include "engine/planted.h"

namespace kv::engine {

namespace {

// What may be acknowledged and not be committed yet, at most.
constexpr std::uint64_t kLocalBytesMax = 8 << 20;

// Of records that nobody here waits for.
class Nobody final : public WriteListener {
 public:
  void on_written(const WriteTag&, Result<WriteResult>) override {}
};
Nobody nobody;

// Nobody else heard of it.
Error never_proposed() {
  return {Errc::kNotLeader, "reason=rolled_back this node leads no more; nothing is done", {}};
}

// Others may have it, and one of them may yet become leader and commit it: that another leader's
// log went on differently here is no proof, unless that is committed.
Error overridden() {
  return {Errc::kUnknownOutcome,
          "reason=rolled_back another node leads, and whether it will be committed is not known",
          {}};
}

}  // namespace

std::uint64_t CommitPipeline::settled_sequence() const {
  return std::min(synced_sequence_, committed_sequence_);
}

void CommitPipeline::lead(std::uint64_t term) {
  const std::lock_guard lock(mutex_);
  not_leading_.reset();
  tail_.set_term(term);
}

void CommitPipeline::follow(Error refusal) {
  const std::lock_guard lock(mutex_);
  not_leading_ = std::move(refusal);
}

void CommitPipeline::note_uncommitted(const WriteGroup& group, std::uint64_t records_before) {
  uncommitted_.push_back({tail_.newest(), group.target.segment, tail_.newest_offset(),
                          group.records - records_before});
  uncommitted_bytes_ += tail_.newest().size;
}

// What a reply tells of is old already when another node leads, so it waits for a record, too.
void CommitPipeline::append_noop(Pending& pending) {
  const bool begins_group = open_group_ == nullptr;
  WriteGroup& group = open_group();
  if (begins_group) pending.begun = std::chrono::steady_clock::now();
  PreparedRecord record = prepare_record(format::RecordType::kNoop, {}, {}, nullptr);
  std::string_view key;
  tail_.append(group, record, key);
  note_uncommitted(group, group.records);
}

Result<std::uint64_t> CommitPipeline::append_config(std::string_view value) {
  return append_system(format::RecordType::kConfig, value);
}

Result<std::uint64_t> CommitPipeline::append_compare() {
  return append_system(format::RecordType::kCompare, {});
}

Result<std::uint64_t> CommitPipeline::append_system(format::RecordType type,
                                                    std::string_view value) {
  const std::lock_guard lock(mutex_);
  if (auto refusal = refusal_of_all()) return tl::unexpected(std::move(*refusal));
  if (!spare_ && !tail_.has_target()) {
    return tl::unexpected(Error{Errc::kTryLater, "no room for another segment yet", {}});
  }
  WriteGroup& group = open_group();
  PreparedRecord record = prepare_record(type, {}, value, nullptr);
  std::string_view key;
  const Place place = tail_.append(group, record, key);
  take_in(*group.target.segment, record.header, {}, place);
  note_uncommitted(group, group.records);
  return record.header.sequence;
}

void CommitPipeline::take_written(std::vector<LogRecord>& records) {
  const std::lock_guard lock(mutex_);
  for (const Uncommitted& one : uncommitted_) {
    if (one.record.sequence > written_sequence_) break;
    if (one.record.sequence <= told_sequence_) continue;
    told_sequence_ = one.record.sequence;
    records.push_back(one.record);
  }
}

Result<void> CommitPipeline::append(std::span<const ForeignRecord> records) {
  Lock lock(mutex_);
  for (const ForeignRecord& record : records) {
    if (failure_ || refusal_) return tl::unexpected(failure_ ? *failure_ : *refusal_);
    if (!spare_ && (!tail_.has_target() || tail_.offset() > kSegmentOffsetMax)) {
      return tl::unexpected(Error{Errc::kTryLater, "no room for another segment yet", {}});
    }
    tail_.set_term(record.header.term);  // a segment that begins here says so
    WriteGroup& group = open_group();
    std::string_view body;
    const Place place = tail_.append_foreign(group, record, body);
    const std::uint64_t records_before = group.records;
    group.records += take_in(*group.target.segment, record.header, body, place);
    note_uncommitted(group, records_before);
    told_sequence_ = record.header.sequence;
  }
  return {};
}

// `body` lies where it stays until the record is applied. How many keys it writes.
std::uint64_t CommitPipeline::take_in(Segment& segment, const format::RecordHeader& header,
                                      std::string_view body, Place place) {
  Pending pending;
  pending.listener = &nobody;
  pending.result = WriteResult{header.sequence, true};
  pending.needs_disk = true;
  pending.wait_sequence = header.sequence;
  pending.segment = &segment;
  pending.is_compare = header.type == format::RecordType::kCompare;
  std::uint64_t keys = 0;
  if (header.type == format::RecordType::kBatch) {
    pending.sequence = header.sequence;
    const RecordVisitor add = [&](const ScannedRecord& member) {
      const std::uint64_t size =
          format::padded(format::kRecordHeaderSize + member.key.size() + member.value_size);
      pending.changes.push_back({member.key, Place(segment.slot(), member.offset, size),
                                 member.type == format::RecordType::kDelete, header.sequence});
    };
    visit_batch(body, place.offset(), header.sequence, add, nullptr);
    if (is_planted(Bug::kFollowHalfBatch))
      pending.changes.erase(pending.changes.begin() + 1, pending.changes.end());
    keys = pending.changes.size();
  } else if (!format::is_system(header.type)) {
    pending.sequence = header.sequence;
    const std::string_view key = body.substr(0, header.key_size);
    pending.value = body.substr(header.key_size);
    pending.change = {key, place, header.type == format::RecordType::kDelete, header.sequence};
    keys = 1;
  }
  disk_wanted_ = std::max(disk_wanted_, header.sequence);
  is_disk_asked_ = true;
  pending_.push_back(std::move(pending));
  return keys;
}

void CommitPipeline::adopt(const AppendTarget& target, std::span<const AdoptedRecord> records) {
  const std::lock_guard lock(mutex_);
  if (records.empty()) return;
  auto group = std::make_unique<WriteGroup>();
  group->target = target;
  group->sequence_before = records.front().record.header.sequence - 1;
  group->last_sequence = records.back().record.header.sequence;
  Segment& segment = *target.segment;
  for (const AdoptedRecord& one : records) {
    const auto& [header, bytes] = one.record;
    std::string_view body;
    if (!bytes.empty()) {
      char* const at = group->buffer.extend(bytes.size());
      bytes.copy(at, bytes.size());
      body = {at, bytes.size()};
    }
    const std::uint64_t size = format::record_size(header);
    const std::uint64_t keys =
        take_in(segment, header, body, Place(segment.slot(), one.offset, size));
    uncommitted_.push_back({log_record(header, one.chain), target.segment, one.offset, keys});
    uncommitted_bytes_ += size;
    told_sequence_ = header.sequence;
  }
  if (unsealed_.empty() || unsealed_.back().target.segment != target.segment) {
    unsealed_.push_back({target, 0, 0});
  }
  unsealed_.back().last_sequence = group->last_sequence;
  unsealed_.back().end_chain = records.back().chain;
  groups_.push_back(std::move(group));
  written_groups_ += 1;
}

// Who waits hears nothing more once the store is closed.
void CommitPipeline::give_up_uncommitted() {
  Lock lock(mutex_);
  const Error unknown{Errc::kUnknownOutcome, "the store was closed before this was committed", {}};
  tell_failed(lock, take_unwritten(committed_sequence_), unknown);
}

void CommitPipeline::tell_unknown() {
  Lock lock(mutex_);
  std::vector<Pending> told;
  for (Pending& pending : pending_) {
    if (pending.wait_sequence <= committed_sequence_ || pending.listener == &nobody) continue;
    if (std::exchange(pending.may_tell_local, false)) waiting_for_local_ -= 1;
    Pending one;
    one.listener = std::exchange(pending.listener, &nobody);
    one.tag = pending.tag;
    told.push_back(std::move(one));
  }
  const Error unknown{
      Errc::kUnknownOutcome,
      "reason=no_leader this node leads no more, and nobody says whether it will be committed",
      {}};
  tell_failed(lock, std::move(told), unknown);
}

// Acknowledged, and neither visible nor safe from being taken back. Who reads after it was told
// waits until it is one of the two: see local_sequence().
void CommitPipeline::tell_local(Lock& lock) {
  if (uncommitted_bytes_ > kLocalBytesMax || !settings_.may_ack_local()) return;
  std::vector<Pending> told;
  for (Pending& pending : pending_) {
    if (pending.wait_sequence > std::min(written_sequence_, synced_sequence_)) break;
    if (pending.wait_sequence <= committed_sequence_) continue;
    if (!std::exchange(pending.may_tell_local, false)) continue;
    waiting_for_local_ -= 1;
    Pending one;
    one.listener = std::exchange(pending.listener, &nobody);
    one.tag = pending.tag;
    one.result = pending.result;
    const auto record =
        std::ranges::lower_bound(uncommitted_, pending.wait_sequence, {},
                                 [](const Uncommitted& each) { return each.record.sequence; });
    one.result->local_epoch = record->record.term;
    local_sequence_.store(pending.wait_sequence, std::memory_order_release);
    told.push_back(std::move(one));
  }
  if (told.empty()) return;
  lock.unlock();
  for (Pending& one : told) one.listener->on_written(one.tag, std::move(one.result));
  lock.lock();
}

void CommitPipeline::commit(std::uint64_t sequence) {
  Lock lock(mutex_);
  if (sequence <= committed_sequence_) return;
  committed_sequence_ = sequence;
  while (!uncommitted_.empty() && uncommitted_.front().record.sequence <= sequence) {
    uncommitted_bytes_ -= uncommitted_.front().record.size;
    uncommitted_.pop_front();
  }
  retire_complete();
  advance(lock);
  if (needs_sync()) wake_log_thread_.notify_one();
  notify(lock);
}

void CommitPipeline::forget_uncommitted(std::uint64_t last) {
  while (!uncommitted_.empty() && uncommitted_.back().record.sequence > last) {
    uncommitted_bytes_ -= uncommitted_.back().record.size;
    uncommitted_.pop_back();
  }
  told_sequence_ = std::min(told_sequence_, last);
}

Result<Cut> CommitPipeline::begin_roll_back(std::uint64_t first) {
  Lock lock(mutex_);
  KV_CHECK(not_leading_ && first > committed_sequence_);
  for (;;) {
    write_groups(lock, ReadMode::kMayBlock);
    const bool is_idle = !is_writing_ && !is_syncing_ && !prewritten_.is_under_way();
    if (is_idle && (failure_ || written_groups_ == groups_.size())) break;
    step_done_.wait(lock);
  }
  if (failure_) return tl::unexpected(refused_after(*failure_));
  is_rolling_back_ = true;
  Cut cut;
  cut.first = first;
  const auto at = std::ranges::find(uncommitted_, first,
                                    [](const Uncommitted& one) { return one.record.sequence; });
  if (at == uncommitted_.end()) return cut;
  const bool is_whole = at->segment->first_sequence == first;
  if (!is_whole) {
    cut.segment = at->segment;
    cut.size = at->offset;
  }
  bool is_gone = false;
  for (const RetiredSegment& one : unsealed_) {
    is_gone = is_gone || (is_whole && one.target.segment == at->segment);
    if (is_gone) cut.gone.push_back(one.target.segment);
    is_gone = is_gone || one.target.segment == at->segment;
  }
  return cut;
}

void CommitPipeline::finish_roll_back(const Cut& cut, std::uint64_t chain) {
  Lock lock(mutex_);
  if (tail_.last_sequence() < cut.first) return end_roll_back(lock);  // a full disk took them out
  const std::uint64_t last = cut.first - 1;
  const std::uint64_t proposed = told_sequence_;
  for (const Uncommitted& one : uncommitted_) {
    if (one.record.sequence > last && one.segment == cut.segment) one.segment->records -= one.keys;
  }
  forget_uncommitted(last);
  while (!groups_.empty() && groups_.back()->sequence_before >= last) groups_.pop_back();
  if (!groups_.empty())
    groups_.back()->last_sequence = std::min(groups_.back()->last_sequence, last);
  written_groups_ = groups_.size();
  std::erase_if(unsealed_, [&](const RetiredSegment& one) {
    return std::ranges::find(cut.gone, one.target.segment) != cut.gone.end();
  });
  if (cut.segment != nullptr) {
    cut.segment->size = cut.size;
    cut.segment->last_sequence = last;
    unsealed_.back().last_sequence = last;
    unsealed_.back().end_chain = chain;
  }
  for (std::uint64_t* end : {&written_sequence_, &synced_sequence_, &disk_wanted_}) {
    *end = std::min(*end, last);
  }
  open_group_ = nullptr;
  if (tail_.offset() != 0) {
    KV_CHECK(spare_.has_value());
    tail_.take_target(std::move(*spare_));
    spare_.reset();
    has_rotation_news_ = true;
  }
  tail_.roll_back(last, chain);
  local_sequence_ = std::min(local_sequence_.load(), last);
  auto failed = take_unwritten(last);
  const auto unheard = std::ranges::find_if(
      failed, [&](const Pending& one) { return one.wait_sequence > proposed; });
  std::vector<Pending> never_told(std::make_move_iterator(unheard),
                                  std::make_move_iterator(failed.end()));
  failed.erase(unheard, failed.end());
  tell_failed(lock, std::move(failed), overridden());
  tell_failed(lock, std::move(never_told), never_proposed());
  end_roll_back(lock);
}

void CommitPipeline::end_roll_back(Lock& lock) {
  is_rolling_back_ = false;
  retire_complete();
  step_done_.notify_all();
  if (needs_sync()) wake_log_thread_.notify_one();
  notify(lock);
}

void CommitPipeline::abandon_roll_back(const Error& error) {
  Lock lock(mutex_);
  failure_ = error;
  end_roll_back(lock);
}

std::uint64_t CommitPipeline::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return tail_.last_sequence();
}

std::uint64_t CommitPipeline::chain() const {
  const std::lock_guard lock(mutex_);
  return tail_.chain();
}

std::uint64_t CommitPipeline::committed_sequence() const {
  const std::lock_guard lock(mutex_);
  return std::min(committed_sequence_, tail_.last_sequence());
}

}  // namespace kv::engine
