// The append step of an update: the key's newest value, which may lie in the log, among the records
// that are not applied yet, or nowhere, becomes the next one under the pipeline's lock.

#include <memory>
#include <utility>

#include "engine/commit_pipeline.h"
#include "engine/planted.h"
#include "engine/segment_window.h"

namespace kv::engine {

Result<CommitPipeline::Current> CommitPipeline::read_current(const Write& write) const {
  for (;;) {
    const auto place = index_.find(write.key);
    if (!place) return Current{};
    const auto segment = table_.find(place->slot());
    if (!segment) continue;  // merged away meanwhile
    auto file = table_.file(*segment);
    if (!file) return tl::unexpected(std::move(file).error());
    std::string buffer;
    auto record = segment->read(**file, *place, write.mode, buffer);
    if (record && record->key == write.key) return Current{place, std::string(record->value)};
    // A merge may have given the place up between look-up and read.
    if (index_.find(write.key) != place) continue;
    if (record || record.error().code == Errc::kCorruption) ++segment->failed_reads;
    if (!record) return tl::unexpected(std::move(record).error());
    return tl::unexpected(Error{Errc::kCorruption, "the record's place holds another key", {}});
  }
}

std::string_view CommitPipeline::value_of(const KeyNewest& known) {
  const auto& [key, newest] = known;
  if (!newest.is_in_batch) return newest.value;
  format::RecordHeader header;
  const char* const at = key.data() - format::kRecordHeaderSize;
  format::decode_record_header({at, format::kRecordHeaderSize}, 0, header);
  return {key.data() + key.size(), header.value_size};
}

void CommitPipeline::submit_update(const Write& write, WriteListener& listener, WriteTag tag) {
  const auto refuse = [&](Error error) {
    listener.on_written(tag, tl::unexpected(std::move(error)));
  };
  for (;;) {
    auto current = read_current(write);
    if (!current) return refuse(std::move(current).error());
    Pending pending;
    pending.listener = &listener;
    pending.tag = tag;
    Lock lock(mutex_);
    auto refused = refusal_of_all();
    if (!refused && !append_update(write, *current, pending, refused)) continue;
    if (refused) {
      lock.unlock();
      return refuse(std::move(*refused));
    }
    pending_.push_back(std::move(pending));
    notify(lock);
    return;
  }
}

bool CommitPipeline::append_update(const Write& write, const Current& current, Pending& pending,
                                   std::optional<Error>& refused) {
  std::optional<std::string_view> before;
  const KeyNewest* const newest = find_newest(write.key);
  if (newest != nullptr && !is_planted(Bug::kUpdateOlderValue)) {
    if (!newest->second.is_delete) before = value_of(*newest);
  } else {
    if (index_.find(write.key) != current.place) return false;
    if (current.place) before = current.value;
  }
  pending.needs_disk = needs_disk(write);
  auto next = std::make_shared<std::string>();
  const auto action = write.update->apply(before, *next);
  Write decided = write;
  decided.kind = action == ValueUpdate::Action::kDelete ? Write::Kind::kDelete : Write::Kind::kPut;
  decided.value = *next;
  const bool writes = action && (*action == ValueUpdate::Action::kPut ||
                                 (*action == ValueUpdate::Action::kDelete && before));
  std::optional<Error> wrong;
  if (!action) wrong = action.error();
  if (!wrong && writes) wrong = check(decided);
  if (!wrong && writes) refused = refusal_of(decided);
  if (refused) return true;
  if (wrong) {
    // It tells of the value before, which nobody may hear of yet.
    pending.result = tl::unexpected(std::move(*wrong));
  } else {
    pending.result = WriteResult{0, writes};
  }
  if (pending.result && writes) {
    const bool is_delete = decided.kind == Write::Kind::kDelete;
    PreparedRecord record =
        prepare_record(is_delete ? format::RecordType::kDelete : format::RecordType::kPut,
                       decided.key, decided.value, next);
    append_record(decided, record, pending);
  } else if (settings_.is_replicated) {
    append_noop(pending);
  }
  wait_for_place(pending);
  return true;
}

}  // namespace kv::engine
