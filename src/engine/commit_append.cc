// The append step of the commit pipeline: a write is checked, judged and given its place in the
// log.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/commit_pipeline.h"
#include "engine/planted.h"
#include "format/session.h"

namespace kv::engine {

namespace {

// Bytes of records that are not committed; more are refused.
constexpr std::uint64_t kUncommittedMax = std::uint64_t{64} * 1024 * 1024;

bool is_weaker(Sync a, Sync b) { return static_cast<int>(a) < static_cast<int>(b); }

Error invalid(std::string context) { return {Errc::kInvalidArgument, std::move(context), {}}; }

std::optional<Error> check_key(std::string_view key) {
  if (key.empty()) return invalid("key is empty");
  if (key.size() > kKeySizeMax) {
    return invalid(fmt::format("key of {} bytes is over the limit of {}", key.size(), kKeySizeMax));
  }
  if (is_reserved_key(key))
    return invalid("arg=key keys that begin with 32 bytes 0xff are the store's own");
  return std::nullopt;
}

std::optional<Error> check_value(std::string_view value) {
  if (value.size() <= kValueSizeMax) return std::nullopt;
  return invalid(
      fmt::format("value of {} bytes is over the limit of {}", value.size(), kValueSizeMax));
}

std::optional<Error> check_batch(const Batch& batch) {
  const auto& operations = batch.operations();
  if (operations.empty() || operations.size() > kBatchCountMax) {
    return invalid(fmt::format("batch of {} operations; 1 to {} are allowed", operations.size(),
                               kBatchCountMax));
  }
  std::uint64_t bytes = 0;
  for (const Batch::Operation& operation : operations) {
    if (auto refused = check_key(operation.key)) return refused;
    if (auto refused = check_value(operation.value)) return refused;
    bytes += operation.key.size() + operation.value.size();
  }
  if (bytes <= kBatchSizeMax) return std::nullopt;
  return invalid(fmt::format("batch of {} bytes is over the limit of {}", bytes, kBatchSizeMax));
}

bool has_put(const Write& write) {
  if (write.kind != Write::Kind::kBatch) return write.kind == Write::Kind::kPut;
  return std::ranges::any_of(write.batch->operations(),
                             [](const Batch::Operation& one) { return !one.is_delete; });
}

bool is_only_deletes(const Write& write) {
  if (write.kind != Write::Kind::kBatch) return write.kind == Write::Kind::kDelete;
  return std::ranges::all_of(write.batch->operations(), &Batch::Operation::is_delete);
}

Error disk_full(const Write& write) {
  return {Errc::kNoSpace,
          is_only_deletes(write)
              ? "reason=disk_full what is left of the disk is kept for merges"
              : "reason=disk_full what is left of the disk is kept for deletes and merges",
          {}};
}

// A batch has room for the session's own member.
std::optional<Error> check_session(const Write& write) {
  const auto& [session, number, done_below, now_ms] = write.session;
  if (write.kind == Write::Kind::kUpdate) return invalid("an update is no request of a session");
  if (number == 0 || number == UINT64_MAX || done_below > number) {
    return invalid(fmt::format("request {} of a session, done below {}", number, done_below));
  }
  if (write.kind != Write::Kind::kBatch) return std::nullopt;
  std::uint64_t bytes = kReservedKeyPrefix.size() + 9 + format::kSessionSizeMax;
  for (const Batch::Operation& one : write.batch->operations()) {
    bytes += one.key.size() + one.value.size();
  }
  if (write.batch->operations().size() < kBatchCountMax && bytes <= kBatchSizeMax) {
    return std::nullopt;
  }
  return invalid("the batch leaves no room for what its session is to remember");
}

}  // namespace

std::optional<Error> CommitPipeline::check(const Write& write) {
  if (write.kind == Write::Kind::kOpenSession) return std::nullopt;
  if (write.kind == Write::Kind::kBatch) return check_batch(*write.batch);
  if (auto refused = check_key(write.key)) return refused;
  return write.kind == Write::Kind::kPut ? check_value(write.value) : std::nullopt;
}

Error conflict(Version found) {
  constexpr std::string_view kNothing = "ver=0 the key is not there, and the condition asks for it";
  if (found == 0) return {Errc::kConflict, std::string(kNothing), {}};
  return {Errc::kConflict, fmt::format("ver={} the condition does not hold", found), {}};
}

// The version of a key that is not under way stands in its record only, so it is read before the
// lock.
Result<CommitPipeline::Judged> CommitPipeline::look_up(const Write& write) const {
  const auto kind = write.options.condition.kind;
  const bool is_needed = kind == Condition::Kind::kVersion || kind == Condition::Kind::kAbsent;
  while (is_needed && write.kind != Write::Kind::kBatch) {
    const auto place = index_.find(write.key);
    if (!place) break;
    const auto segment = table_.find(place->slot());
    if (!segment) continue;
    auto file = table_.file(*segment);
    if (!file) return tl::unexpected(std::move(file).error());
    auto header = segment->read_header(**file, *place, write.mode);
    if (!header && header.error().code == Errc::kCorruption) ++segment->failed_reads;
    if (!header) return tl::unexpected(std::move(header).error());
    return Judged{place, header->sequence};
  }
  return Judged{};
}

Result<WriteResult> CommitPipeline::judge(const Write& write, bool exists, Version version) const {
  const Condition& condition = write.options.condition;
  switch (condition.kind) {
    case Condition::Kind::kAlways:
      break;
    case Condition::Kind::kAbsent:
      if (exists) return tl::unexpected(conflict(version));
      break;
    case Condition::Kind::kPresent:
      if (!exists) return tl::unexpected(conflict(0));
      break;
    case Condition::Kind::kVersion:
      if (!exists && write.kind == Write::Kind::kDelete) break;  // NOT_FOUND
      if (!exists || version != condition.version) return tl::unexpected(conflict(version));
      break;
  }
  return WriteResult{0, exists || write.kind != Write::Kind::kDelete};
}

// Why no write at all is taken now.
std::optional<Error> CommitPipeline::refusal_of_all() const {
  if (failure_ || refusal_) {
    Error refused = refused_after(failure_ ? *failure_ : *refusal_);
    if (!settings_.is_replicated) return refused;
    // A member's process ends of it, and another one leads: so do those that are told this look.
    return Error{Errc::kNotLeader, "leader=- " + describe(refused), {}};
  }
  if (is_closed_) return Error{Errc::kClosed, "the store is closed", {}};
  if (not_leading_) return not_leading_;
  if (settings_.is_replicated && uncommitted_bytes_ > kUncommittedMax) {
    return Error{Errc::kTryLater, "reason=replication_lag too much waits for other nodes", {}};
  }
  if (tail_.offset() > kSegmentOffsetMax && !spare_) {
    return Error{Errc::kTryLater, "no room for another segment was found yet", {}};
  }
  return std::nullopt;
}

// Why this one is not.
std::optional<Error> CommitPipeline::refusal_of(const Write& write) {
  if (refuses_puts_ && has_put(write)) {
    return Error{Errc::kTryLater, "reason=merge_debt merges are behind; space is being freed", {}};
  }
  if (has_room(write)) return std::nullopt;
  space_refusals_ += 1;
  return disk_full(write);
}

void CommitPipeline::submit(const Write& write, WriteListener& listener, WriteTag tag) {
  if (auto refused = check(write)) {
    listener.on_written(tag, tl::unexpected(std::move(*refused)));
    return;
  }
  if (write.kind == Write::Kind::kOpenSession) return submit_open(write, listener, tag);
  if (write.session.session != 0) {
    auto refused = check_session(write);
    if (!refused) return submit_session(write, listener, tag);
    return listener.on_written(tag, tl::unexpected(std::move(*refused)));
  }
  if (write.kind == Write::Kind::kUpdate) return submit_update(write, listener, tag);
  submit_own(write, listener, tag);
}

void CommitPipeline::submit_own(const Write& write, WriteListener& listener, WriteTag tag) {
  PreparedRecord record;
  if (write.kind != Write::Kind::kBatch) {
    const bool is_delete = write.kind == Write::Kind::kDelete;
    record = prepare_record(is_delete ? format::RecordType::kDelete : format::RecordType::kPut,
                            write.key, is_delete ? std::string_view{} : write.value, write.owner);
  }
  for (;;) {
    auto judged = look_up(write);
    if (!judged) {
      listener.on_written(tag, tl::unexpected(std::move(judged).error()));
      return;
    }
    Pending pending;
    pending.listener = &listener;
    pending.tag = tag;
    Lock lock(mutex_);
    auto refused = refusal_of_all();
    if (!refused) refused = refusal_of(write);
    if (refused) {
      lock.unlock();
      listener.on_written(tag, tl::unexpected(std::move(*refused)));
      return;
    }
    if (!append(write, record, *judged, pending)) continue;
    pending_.push_back(std::move(pending));
    notify(lock);
    return;
  }
}

void CommitPipeline::limit_space(std::uint64_t puts, bool allows_deletes) {
  const std::lock_guard lock(mutex_);
  put_room_ = puts;
  allows_deletes_ = allows_deletes;
}

std::uint64_t CommitPipeline::take_space_refusals() {
  const std::lock_guard lock(mutex_);
  return std::exchange(space_refusals_, 0);
}

// Takes what the write needs off the room there is. A write that is refused later gives nothing
// back: the room is told anew many times a second.
bool CommitPipeline::has_room(const Write& write) {
  if (is_only_deletes(write)) return allows_deletes_;
  std::uint64_t bytes = format::kRecordHeaderSize + write.key.size() + write.value.size();
  if (write.session.session != 0) bytes += format::kRecordHeaderSize + format::kSessionSizeMax;
  if (write.kind == Write::Kind::kBatch) {
    for (const Batch::Operation& operation : write.batch->operations()) {
      bytes += member_size(operation);
    }
  }
  if (bytes > put_room_) return false;
  if (put_room_ != UINT64_MAX) put_room_ -= bytes;
  return true;
}

bool CommitPipeline::needs_disk(const Write& write) const {
  const Sync asked = write.options.sync.value_or(settings_.sync);
  const Sync sync = is_weaker(asked, settings_.sync) ? settings_.sync : asked;
  // Who is slowed down waits where the delay is: at the sync.
  return sync == Sync::kDisk || sync_delay_.count() > 0 || settings_.is_replicated;
}

// What did not change anything tells of what others wrote, which may yet be taken back.
bool CommitPipeline::wants_local_ack(const Write& write) const {
  return settings_.is_replicated && settings_.may_ack_local && write.options.ack == Ack::kLocal;
}

// A mere reply tells of everything appended before it, so it waits for that.
void CommitPipeline::wait_for_place(Pending& pending) {
  pending.wait_sequence = tail_.last_sequence();
  if (!pending.needs_disk) return;
  disk_wanted_ = std::max(disk_wanted_, pending.wait_sequence);
  is_disk_asked_ = true;
}

std::optional<CommitPipeline::Judgement> CommitPipeline::judge_newest(const Write& write,
                                                                      const Judged& judged) {
  const bool is_conditional = write.kind != Write::Kind::kBatch &&
                              (write.kind == Write::Kind::kDelete ||
                               write.options.condition.kind != Condition::Kind::kAlways);
  if (!is_conditional) return Judgement{WriteResult{}, 0};
  const KeyNewest* const newest =
      is_planted(Bug::kConditionOnApplied) ? nullptr : find_newest(write.key);
  if (newest != nullptr) {
    const bool exists = !newest->second.is_delete;
    const Version version = exists ? newest->second.sequence : 0;
    return Judgement{judge(write, exists, version), version};
  }
  const auto place = index_.find(write.key);
  if (judged.place && place != judged.place) return std::nullopt;
  const auto kind = write.options.condition.kind;
  const bool needs_version = kind == Condition::Kind::kVersion || kind == Condition::Kind::kAbsent;
  if (place && needs_version && !judged.place) return std::nullopt;
  return Judgement{judge(write, place.has_value(), judged.version), judged.version};
}

bool CommitPipeline::append(const Write& write, PreparedRecord& record, const Judged& judged,
                            Pending& pending) {
  pending.needs_disk = needs_disk(write);
  auto judgement = judge_newest(write, judged);
  if (!judgement) return false;
  pending.result = std::move(judgement->result);
  if (pending.result && pending.result->was_found) {
    append_record(write, record, pending);
    pending.may_tell_local = wants_local_ack(write);
    waiting_for_local_ += pending.may_tell_local ? 1 : 0;
  } else if (settings_.is_replicated && !is_planted(Bug::kRefusalWithoutRecord)) {
    append_noop(pending);
  }
  wait_for_place(pending);
  return true;
}

WriteGroup& CommitPipeline::open_group() {
  const bool is_full = tail_.offset() >= segment_size_;
  if (spare_ && (!tail_.has_target() || is_full)) {
    // Without a spare the segment grows beyond its size for a while, rather than that writers wait.
    tail_.take_target(std::move(*spare_));
    spare_.reset();
    open_group_ = nullptr;
    has_rotation_news_ = true;
    retire_complete();  // the one before may have been synced while it was active
  }
  if (open_group_ != nullptr) return *open_group_;
  if (idle_groups_.empty()) {
    groups_.push_back(std::make_unique<WriteGroup>());
  } else {
    groups_.push_back(std::move(idle_groups_.back()));
    idle_groups_.pop_back();
    groups_.back()->records = 0;
  }
  open_group_ = groups_.back().get();
  // What a mark calls synced must be on the disk before the mark is.
  const std::uint64_t synced =
      is_planted(Bug::kMarkTooEarly) ? written_sequence_ : synced_sequence_;
  tail_.begin(*open_group_, synced);
  return *open_group_;
}

void CommitPipeline::append_record(const Write& write, PreparedRecord& record, Pending& pending) {
  const bool begins_group = open_group_ == nullptr;
  WriteGroup& group = open_group();
  if (begins_group) pending.begun = std::chrono::steady_clock::now();
  pending.segment = group.target.segment.get();
  const std::uint64_t records_before = group.records;
  if (write.kind == Write::Kind::kBatch) {
    tail_.append_batch(
        group, *write.batch,
        [&](const Batch::Operation& member, Place place, std::string_view key) {
          pending.changes.push_back({key, place, member.is_delete, tail_.last_sequence()});
        });
  } else {
    std::string_view key;
    const bool is_referred = record.owner != nullptr;
    const Place place = tail_.append(group, record, key);
    // Behind the key, unless it stayed where it was.
    pending.value =
        is_referred ? record.value : std::string_view(key.data() + key.size(), record.value.size());
    pending.change = {key, place, write.kind == Write::Kind::kDelete, tail_.last_sequence()};
  }
  pending.sequence = tail_.last_sequence();
  pending.result->version = pending.sequence;
  if (settings_.is_replicated) note_uncommitted(group, records_before);
}

const CommitPipeline::KeyNewest* CommitPipeline::find_newest(std::string_view key) {
  if (remembered_sequence_ < tail_.last_sequence()) {
    remember_from(ready_);
    remember_from(pending_);
    remembered_sequence_ = tail_.last_sequence();
  }
  const auto found = newest_.find(key);
  return found == newest_.end() ? nullptr : &*found;
}

// Those behind remembered_sequence_.
void CommitPipeline::remember_from(const std::vector<Pending>& some) {
  const auto known = std::find_if(some.rbegin(), some.rend(), [this](const Pending& one) {
    return one.sequence != 0 && one.sequence <= remembered_sequence_;
  });
  for (auto at = known.base(); at != some.end(); ++at) remember(*at);
}

void CommitPipeline::remember(const Pending& pending) {
  if (pending.sequence == 0) return;
  if (pending.changes.empty()) {
    remember(pending.change, {pending.sequence, pending.change.is_delete, pending.value, false});
  }
  for (const KeyChange& change : pending.changes) {
    remember(change, {pending.sequence, change.is_delete, {}, true});
  }
}

void CommitPipeline::remember(const KeyChange& change, const Newest& newest) {
  // The key must lie in the newest record's buffer, which is released last.
  newest_.erase(change.key);
  newest_.emplace(change.key, newest);
}

}  // namespace kv::engine
