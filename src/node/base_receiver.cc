#include "node/base_receiver.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/checksum.h"
#include "engine/base_files.h"
#include "format/names.h"

namespace kv::node {

namespace {

constexpr std::uint64_t kPauseUs = 2'000'000;  // after a failure
// The list is held in memory.
constexpr std::uint64_t kListMax = 16 * 1024 * 1024;

Error corruption(std::string text) { return {Errc::kCorruption, std::move(text), {}}; }

}  // namespace

void BaseReceiver::tell(BaseNews::Kind kind, std::string cause) {
  const Transfer& transfer = *transfer_;
  listener_.on_base({kind, transfer.begin.envelope.from, transfer.begin.point.seq,
                     transfer.places.end().file, transfer.places.bytes(),
                     transfer.places.before(transfer.written), std::move(cause)});
}

void BaseReceiver::reply(const peer::SnapshotBegin& to, peer::SnapshotReply::State state) {
  peer::SnapshotReply reply;
  reply.envelope = {to.envelope.to, to.envelope.from, to.envelope.term};
  reply.snapshot_id = to.snapshot_id;
  reply.state = state;
  if (transfer_ && state == peer::SnapshotReply::State::kGoOn) {
    reply.file = transfer_->written.file;
    reply.offset = transfer_->written.offset;
  }
  peer::Gather frame;
  append_snapshot_reply(frame, reply);
  listener_.send(to.envelope.from, std::move(frame));
}

void BaseReceiver::receive(const peer::SnapshotFrame& frame, const raft::Core& core,
                           const raft::Instant& now) {
  now_ = now;
  const peer::Envelope& envelope = frame.envelope();
  // A leader that is none any more, or that a heartbeat has still to tell of.
  if (envelope.term != core.term() || envelope.from != core.leader()) return;
  if (const auto* begun = std::get_if<peer::SnapshotBegin>(&frame.body)) {
    begin(*begun, core, now);
  } else if (const auto* chunk = std::get_if<peer::SnapshotChunk>(&frame.body)) {
    take(*chunk, frame.payload);
  } else if (const auto* ended = std::get_if<peer::SnapshotEnd>(&frame.body)) {
    end(*ended);
  }
}

void BaseReceiver::begin(const peer::SnapshotBegin& begin, const raft::Core& core,
                         const raft::Instant& now) {
  using State = peer::SnapshotReply::State;
  if (begin.point.seq <= core.commit()) return reply(begin, State::kDone);
  if (transfer_ && transfer_->begin.snapshot_id == begin.snapshot_id) {
    return reply(begin, State::kGoOn);
  }
  if (failed_ && raft::shortest_us(*failed_, now) < kPauseUs) return reply(begin, State::kRefused);
  if (transfer_) abandon("another state comes instead");
  const auto is_head = [&](std::size_t file, std::string_view name) {
    const peer::SnapshotFile& head = begin.files[file];
    return head.name == name && head.size > 0 && head.size <= kListMax;
  };
  const bool has_heads = begin.files.size() >= kBaseHeads && is_head(0, engine::kBaseListName) &&
                         is_head(1, format::kMembersName);
  if (!has_heads) return reply(begin, State::kRefused);
  transfer_ = std::make_shared<Transfer>(begin, store_.directory());
  const auto space = store_.directory().fs().space(store_.directory().path());
  if (!space) return fail(space.error());
  if (space->free_bytes < transfer_->places.bytes()) {
    return fail(fmt::format("{} bytes are free in {}, and {} come", space->free_bytes,
                            store_.directory().path(), transfer_->places.bytes()));
  }
  tell(BaseNews::Kind::kReceiving);
  reply(begin, State::kGoOn);
}

void BaseReceiver::take(const peer::SnapshotChunk& chunk,
                        const std::shared_ptr<const void>& owner) {
  if (!transfer_ || chunk.snapshot_id != transfer_->begin.snapshot_id) return;
  Transfer& transfer = *transfer_;
  const BasePlace place{chunk.file, chunk.offset};
  const bool fits = place == transfer.taken && place != transfer.places.end() &&
                    chunk.bytes.size() <= transfer.places.size(place.file) - place.offset;
  if (!fits) return reply(transfer.begin, peer::SnapshotReply::State::kGoOn);
  transfer.taken = transfer.places.after(place, chunk.bytes.size());
  run(
      transfer_,
      [&transfer, place, bytes = chunk.bytes, owner] { return write(transfer, place, bytes); },
      [this, &transfer, now_at = transfer.taken] {
        transfer.written = now_at;
        reply(transfer.begin, peer::SnapshotReply::State::kGoOn);
      });
}

// Both are for this transfer alone, which outlives them.
void BaseReceiver::run(const Shared& transfer, std::function<Result<void>()> job,
                       std::function<void()> done) {
  const auto outcome = std::make_shared<Result<void>>();
  listener_.run_aside(
      [transfer, outcome, job = std::move(job)] {
        if (transfer->is_over || transfer->has_failed) return;
        *outcome = job();
        transfer->has_failed = !*outcome;
      },
      [this, transfer, outcome, done = std::move(done)] {
        if (transfer != transfer_) return;
        if (!*outcome) return fail(outcome->error());
        done();
      });
}

Result<void> BaseReceiver::write(Transfer& transfer, BasePlace place, std::string_view bytes) {
  if (place.file >= kBaseHeads) {
    return transfer.incoming.write(place.file - kBaseHeads, place.offset, bytes);
  }
  transfer.heads[place.file].append(bytes);
  const bool is_last = place.file + 1 == kBaseHeads &&
                       transfer.heads[place.file].size() == transfer.places.size(place.file);
  return is_last ? take_heads(transfer) : Result<void>();
}

// What is announced has to be what the list says.
Result<void> BaseReceiver::take_heads(Transfer& transfer) {
  const auto& announced = transfer.begin.files;
  for (std::size_t i = 0; i < kBaseHeads; ++i) {
    if (base::chain64(0, transfer.heads[i]) == announced[i].hash) continue;
    return tl::unexpected(corruption(announced[i].name + " is another than was announced"));
  }
  auto members = format::decode_members_file(transfer.heads[1]);
  if (!members) return tl::unexpected(std::move(members).error());
  transfer.members = std::move(*members);
  if (auto begun = transfer.incoming.begin(transfer.heads[0]); !begun) return begun;
  const auto& listed = transfer.incoming.files();
  const format::LogFloor& floor = transfer.incoming.state().log_floor;
  bool is_same = listed.size() + kBaseHeads == announced.size() &&
                 transfer.begin.point == raft::Point{floor.term, floor.sequence, floor.chain};
  for (std::size_t i = 0; is_same && i < listed.size(); ++i) {
    const peer::SnapshotFile& file = announced[i + kBaseHeads];
    is_same = file.name == format::segment_name(listed[i].id) && file.size == listed[i].size;
  }
  if (is_same) return {};
  return tl::unexpected(corruption("the files that are announced are not those of the list"));
}

void BaseReceiver::end(const peer::SnapshotEnd& end) {
  if (!transfer_ || end.snapshot_id != transfer_->begin.snapshot_id) return;
  Transfer& transfer = *transfer_;
  if (transfer.written != transfer.places.end() || transfer.is_finishing) return;
  transfer.is_finishing = true;
  run(
      transfer_, [&transfer] { return transfer.incoming.finish(); },
      [this, shared = transfer_] { complete(shared); });
}

void BaseReceiver::complete(const Shared& transfer) {
  const raft::Message message = transfer->begin.message();
  const auto taken = on_complete_({message, transfer->incoming.state(), transfer->members});
  if (!taken) return fail(taken.error());
  if (*taken) return tell(BaseNews::Kind::kReceived);
  reply(transfer->begin, peer::SnapshotReply::State::kDone);
  abandon("it is not needed any more");
}

// Room first, as that may be what was missing; the next transfer clears what is left.
void BaseReceiver::abandon(std::string cause) {
  tell(BaseNews::Kind::kNotReceived, std::move(cause));
  transfer_->is_over = true;
  reply(transfer_->begin, peer::SnapshotReply::State::kRefused);
  transfer_.reset();
  auto& dir = store_.directory();
  listener_.run_aside(
      [&dir] { [[maybe_unused]] const auto done = engine::clear_incoming(dir.fs(), dir.path()); },
      [] {});
}

void BaseReceiver::fail(std::string cause) {
  abandon(std::move(cause));
  failed_ = now_;
}

// Only the next open can tell what a MANIFEST says that could not be written, so the replica ends.
void BaseReceiver::fail(const Error& error) {
  const bool is_final = error.code == Errc::kUnknownOutcome || error.code == Errc::kReadOnly;
  if (is_final) store_.pipeline().refuse_writes(error);
  fail(describe(error));
}

void BaseReceiver::work(const raft::Core& core, const raft::Instant& now) {
  now_ = now;
  if (transfer_ && core.term() != transfer_->begin.envelope.term)
    abandon("its sender leads no more");
}

std::optional<double> BaseReceiver::share() const {
  if (!transfer_) return std::nullopt;
  return static_cast<double>(transfer_->places.before(transfer_->written)) /
         static_cast<double>(transfer_->places.bytes());
}

}  // namespace kv::node
