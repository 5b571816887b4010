#include "engine/merge.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/key_hash.h"
#include "engine/planted.h"

namespace kv::engine {

namespace {

// Work between two questions to the pace: some tenths of a millisecond. Whoever shares the
// processor waits for no more than that.
constexpr std::uint64_t kSliceSize = 32 * 1024;
// Looked up, or moved, under one hold of the index's lock: two or three microseconds, for which
// whoever wants it meanwhile spins (index_lock.h). With more of them it would have to sleep.
constexpr std::size_t kTogether = 8;
constexpr std::size_t kGroupsPerSlice = 32;
constexpr std::size_t kGroupsPerPause = 8;
// From here on a record is written as it comes.
constexpr std::uint64_t kLargeSize = 64 * 1024;

std::vector<std::shared_ptr<Segment>> all_but(const SegmentTable& table,
                                              const std::vector<std::shared_ptr<Segment>>& inputs) {
  auto others = *table.all();
  std::erase_if(others,
                [&](const auto& one) { return std::ranges::find(inputs, one) != inputs.end(); });
  return others;
}

}  // namespace

Merge::Merge(const MergeContext& context, std::vector<std::shared_ptr<Segment>> inputs,
             MergePace& pace)
    : context_(context),
      inputs_(std::move(inputs)),
      pace_(pace),
      tombstones_(context.dir, all_but(context.table, inputs_)) {}

Result<MergeReport> Merge::run() {
  auto done = copy_all();
  if (done && !report_.was_stopped) done = commit();
  // Whether the commit counts shows at the next open; until then all files must stay.
  if (!done && done.error().code == Errc::kUnknownOutcome) {
    return tl::unexpected(std::move(done).error());
  }
  if (!done || report_.was_stopped) {
    auto abandoned = abandon();
    if (!done) return tl::unexpected(std::move(done).error());
    if (!abandoned) return tl::unexpected(std::move(abandoned).error());
    return report_;
  }
  publish();
  return report_;
}

Result<void> Merge::copy_all() {
  std::uint64_t live_bytes = 0;
  for (const auto& input : inputs_) {
    live_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(0, input->live_bytes));
  }
  run_.reserve(live_bytes);
  for (const auto& input : inputs_) {
    auto is_whole = copy(*input);
    if (!is_whole) return tl::unexpected(std::move(is_whole).error());
    report_.was_stopped = report_.was_stopped || !*is_whole;
    if (report_.was_stopped) return {};
  }
  auto written = write_run();
  run_ = MergeRun();  // its memory is not needed any more
  return written;
}

Result<bool> Merge::copy(Segment& input) {
  auto file = context_.table.file(input);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::uint64_t size = input.size;
  SegmentWindow window(**file, size, input.salt());
  std::uint64_t slice_start = format::kSegmentHeaderSize;
  for (std::uint64_t at = format::kSegmentHeaderSize; at < size;) {
    auto frame = window.frame(at);
    if (!frame) return tl::unexpected(std::move(frame).error());
    if (frame->state != Frame::State::kIntact) {
      if (is_planted(Bug::kMergeDamagedInput)) {
        std::uint64_t next = size;
        if (auto found = window.next_intact(at + format::kRecordAlignment, next); !found) {
          return tl::unexpected(std::move(found).error());
        }
        at = next;
        continue;
      }
      tell_damage(input, at);
      return false;  // some of it is copied already: the next merge begins anew, without it
    }
    if (auto taken = take_frame(input, *frame, at); !taken) {
      return tl::unexpected(std::move(taken).error());
    }
    at += format::record_size(frame->header);
    if (at - slice_start < kSliceSize && at < size) continue;
    if (auto decided = decide(); !decided) return tl::unexpected(std::move(decided).error());
    report_.bytes_read += at - slice_start;
    if (report_.was_stopped || !go_on(at - slice_start)) return false;
    slice_start = at;
  }
  return true;
}

Result<void> Merge::take_frame(Segment& input, const Frame& frame, std::uint64_t offset) {
  const format::RecordHeader& header = frame.header;
  switch (header.type) {
    case format::RecordType::kSyncMark:
    case format::RecordType::kNoop:
    case format::RecordType::kConfig:
    case format::RecordType::kCompare:
      return {};
    case format::RecordType::kPut:
    case format::RecordType::kDelete:
      return take(header, frame.body.substr(0, header.key_size), frame.body.substr(header.key_size),
                  Place(input.slot(), offset, format::record_size(header)));
    case format::RecordType::kBatch:
      break;
  }
  Result<void> done;
  const RecordVisitor take_member = [&](const ScannedRecord& record) {
    if (!done) return;
    const std::string_view member = frame.body.substr(
        static_cast<std::size_t>(record.offset - offset - format::kRecordHeaderSize));
    format::RecordHeader inner;
    // The batch's checksum holds, and visit_batch has seen the member's own.
    format::decode_record_header(member, 0, inner);
    done = take(inner, record.key,
                member.substr(format::kRecordHeaderSize + inner.key_size, inner.value_size),
                Place(input.slot(), record.offset, format::record_size(inner)));
  };
  visit_batch(frame.body, offset, header.sequence, take_member, nullptr);
  return done;
}

// Records are looked up many at a time: each look-up alone would take the index's lock, and keep
// requests waiting for it.
Result<void> Merge::take(const format::RecordHeader& header, std::string_view key,
                         std::string_view value, Place from) {
  taken_.push_back({header, taken_bytes_.size(), from});
  taken_bytes_.append(key).append(value);
  const bool is_full = taken_.size() >= kTogether || taken_bytes_.size() >= kSliceSize;
  return is_full ? decide() : Result<void>();
}

Result<void> Merge::decide() {
  std::array<std::string_view, kTogether> keys;
  std::array<std::uint64_t, kTogether> hashes;
  std::array<std::optional<Place>, kTogether> places;
  const std::size_t count = taken_.size();
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = std::string_view(taken_bytes_).substr(taken_[i].at, taken_[i].header.key_size);
    hashes[i] = hash_key(keys[i]);
  }
  context_.index.find_all(std::span(keys).first(count), std::span(hashes).first(count),
                          std::span(places).first(count));
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    if (auto decided = decide(taken_[i], places[i]); !decided) return decided;
  }
  taken_.clear();
  taken_bytes_.clear();
  return {};
}

// `place`: where the index says the key is.
Result<void> Merge::decide(const Taken& record, std::optional<Place> place) {
  const format::RecordHeader& header = record.header;
  const std::string_view bytes = std::string_view(taken_bytes_).substr(record.at);
  const std::string_view key = bytes.substr(0, header.key_size);
  const std::string_view value = bytes.substr(header.key_size, header.value_size);
  if (header.type == format::RecordType::kDelete) {
    // A newer put hides older records as well as the delete does.
    if (place || tombstones_.may_drop(key, header.sequence)) {
      report_.deletes_dropped += 1;
      newest_dropped_delete_ = std::max(newest_dropped_delete_, header.sequence);
      return {};
    }
    report_.deletes_kept += 1;
  } else if (place != record.from) {
    report_.puts_dropped += 1;
    return {};
  }
  const MergeRun::Record kept{header, key, value, record.from};
  if (format::record_size(header) > kLargeSize) return write(kept);
  run_.add(kept);
  return run_.is_full() ? write_run() : Result<void>();
}

Result<void> Merge::write_run() {
  run_.sort();
  for (std::size_t i = 0; i < run_.size() && !report_.was_stopped; ++i) {
    if (auto written = write(run_.record(i)); !written) return written;
    if (report_.bytes_written - written_told_ < kSliceSize && i + 1 < run_.size()) continue;
    report_.was_stopped = !go_on(0);
  }
  run_.clear();
  return {};
}

bool Merge::go_on(std::uint64_t read) {
  const std::uint64_t told = std::exchange(written_told_, report_.bytes_written);
  return pace_.go_on(read + report_.bytes_written - told);
}

Result<void> Merge::write(const MergeRun::Record& record) {
  auto out = output();
  if (!out) return tl::unexpected(std::move(out).error());
  format::RecordHeader copied = record.header;
  if (is_planted(Bug::kRenumberMoved)) copied.sequence = context_.pipeline.applied_sequence();
  auto to = (*out)->append(copied, record.key, record.value);
  if (!to) return tl::unexpected(std::move(to).error());
  report_.bytes_written += format::record_size(record.header);
  if (record.header.type == format::RecordType::kDelete) return {};
  report_.puts_kept += 1;
  moves_.push_back({keys_.size(), record.header.key_size, record.from, *to});
  keys_.append(record.key);
  return {};
}

Result<MergeOutput*> Merge::output() {
  if (outputs_.empty() || outputs_.back()->size() >= context_.output_size_max) {
    auto made = MergeOutput::create(context_.dir, context_.table);
    if (!made) return tl::unexpected(std::move(made).error());
    outputs_.push_back(std::move(*made));
  }
  return outputs_.back().get();
}

Result<void> Merge::commit() {
  for (const auto& out : outputs_) {
    if (auto finished = out->finish(); !finished) return finished;
  }
  // A record was left out because a newer one of its key is visible; that one must not be lost
  // when this one goes.
  if (!is_planted(Bug::kMergeWithoutLogSync)) {
    if (auto synced = context_.pipeline.sync(); !synced) return synced;
  }
  if (is_planted(Bug::kUnlinkBeforeManifest)) {
    for (const auto& input : inputs_) {
      [[maybe_unused]] const auto gone = context_.dir.fs().remove(input->path());
    }
  }
  std::vector<format::Edit> edits;
  format::MergeSegments merged;
  for (const auto& out : outputs_) {
    edits.emplace_back(out->seal_edit());
    merged.outputs.push_back(out->segment().id());
  }
  for (const auto& input : inputs_) merged.inputs.push_back(input->id());
  merged.tombstone_floor = newest_dropped_delete_;
  edits.emplace_back(std::move(merged));
  return context_.dir.manifest().append(edits);
}

void Merge::publish(std::span<Index::Move> moves) {
  std::array<std::uint64_t, kTogether> hashes{};
  for (std::size_t i = 0; i < moves.size() && context_.cache.is_on(); ++i) {
    hashes[i] = hash_key(moves[i].key);
  }
  context_.cache.prefetch_slots(std::span(hashes).first(moves.size()));
  context_.index.replace_all(moves);
  for (std::size_t i = 0; i < moves.size(); ++i) {
    const Index::Move& move = moves[i];
    if (!move.was_done || is_planted(Bug::kPublishWithoutCompare)) continue;
    context_.cache.move(hashes[i], move.from, move.to);
    if (const auto to = context_.table.find(move.to.slot())) {
      to->live_bytes += static_cast<std::int64_t>(move.to.size_hint());
    }
  }
}

void Merge::publish() {
  for (const auto& out : outputs_) out->segment().is_sealed = true;
  std::size_t groups = 0;
  std::vector<Index::Move> together;
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    const Move& move = moves_[i];
    const std::string_view key = std::string_view(keys_).substr(move.key_at, move.key_size);
    together.push_back({key, move.from, move.to});
    if (is_planted(Bug::kPublishWithoutCompare)) {
      if (const auto now = context_.index.find(key)) together.back().from = *now;
    }
    if (together.size() < kTogether && i + 1 < moves_.size()) continue;
    publish(together);
    together.clear();
    groups += 1;
    if (groups % kGroupsPerPause == 0) pace_.make_way();
    // It is too late to stop; only the pace counts.
    if (groups % kGroupsPerSlice == 0) pace_.go_on(0);
  }
  for (const auto& out : outputs_) {
    if (report_.deletes_kept > 0) out->segment().needs_deletes = true;
    report_.outputs.push_back(out->segment().id());
  }
  for (const auto& input : inputs_) {
    context_.table.remove(input->slot());
    report_.inputs += 1;
  }
}

Result<void> Merge::abandon() {
  Result<void> outcome;
  for (const auto& out : outputs_) {
    const format::SegmentId id = out->segment().id();
    const std::string path = out->segment().path();
    context_.table.remove(out->segment().slot());
    const format::Edit edits[] = {format::SealSegment{id, 0, 0, 0, 0, 0},
                                  format::MergeSegments{{id}, {}, 0}};
    auto done = context_.dir.manifest().append(edits);
    if (!done && outcome) outcome = std::move(done);
  }
  // The table tells when nobody holds them any more; whoever runs merges removes the files then.
  outputs_.clear();
  return outcome;
}

void Merge::tell_damage(Segment& input, std::uint64_t offset) {
  input.is_damaged = true;
  if (context_.listener == nullptr) return;
  context_.listener->on_event(
      {Event::Level::kError, "damage found",
       fmt::format(
           "segment={} offset={} action=\"not merged; kv verify tells which keys it holds\"",
           input.path(), offset)});
}

}  // namespace kv::engine
