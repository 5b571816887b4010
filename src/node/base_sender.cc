#include "node/base_sender.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/checksum.h"
#include "format/identity.h"
#include "format/names.h"
#include "peer/layout.h"

namespace kv::node {

namespace {

constexpr std::uint64_t kQuietUs = 1'000'000;    // until it is asked where to go on
constexpr std::uint64_t kGiveUpUs = 10'000'000;  // until the files are let go
constexpr std::uint64_t kPauseUs = 2'000'000;    // between two attempts
constexpr double kBurst = 4.0 * SendWindow::kPieceMax;
constexpr double kBurstsPerSecond = 10;

}  // namespace

// What a piece that was read is for.
struct BaseSender::Piece {
  BasePlace place;
  std::string bytes;
  Result<void> outcome;
};

BaseSender::BaseSender(StoreImpl& store, ReplicaListener& listener, std::uint64_t seed,
                       std::uint64_t rate)
    : store_(store), listener_(listener), rate_(static_cast<double>(rate)), next_id_(seed | 1) {}

void BaseSender::tell(const Session& session, BaseNews::Kind kind, std::string cause) {
  listener_.on_base({kind, session.begin.envelope.to, session.begin.point.seq,
                     session.places.end().file, session.places.bytes(),
                     session.places.before(session.acked), std::move(cause)});
}

void BaseSender::begin(const raft::Message& wanted, const format::MembersFile& members,
                       const raft::Instant& now) {
  const auto& snapshot = std::get<raft::Snapshot>(wanted.body);
  peer::SnapshotBegin begin;
  begin.envelope = {wanted.from, wanted.to, wanted.term};
  begin.point = snapshot.point;
  begin.round = snapshot.round;
  begin.snapshot_id = next_id_++;
  begin.membership = members.membership;
  auto base = store_.base_files();
  engine::BaseFiles files;
  std::array<std::string, kBaseHeads> heads;
  std::vector<std::string> paths;
  if (base) {
    files = std::move(*base);
    const auto& dir = store_.directory();
    heads = {engine::encode_base_list(files.state, format::database_id_hash(dir.identity())),
             format::encode_members_file(members)};
    begin.files = {
        {std::string(engine::kBaseListName), heads[0].size(), base::chain64(0, heads[0])},
        {std::string(format::kMembersName), heads[1].size(), base::chain64(0, heads[1])}};
    for (const auto& [id, info] : files.state.segments) {
      begin.files.push_back({format::segment_name(id), info.size, 0});
      paths.push_back(dir.segment_path(id));
    }
  }
  auto session = std::make_shared<Session>(begin.files, begin.membership.election_us);
  session->begin = std::move(begin);
  session->base = std::move(files);
  session->heads = std::move(heads);
  session->paths = std::move(paths);
  session->worked = session->heard = now;
  sessions_[wanted.to] = session;
  if (!base) return fail(*session, describe(base.error()), now);
  if (session->begin.files.size() > peer::layout::kFilesMax) {
    return fail(*session, "too many files; merges make fewer of them", now);
  }
  tell(*session, BaseNews::Kind::kSending);
  ask(*session, now);
}

void BaseSender::ask(Session& session, const raft::Instant& now) {
  session.is_answered = false;
  session.window.forget();
  session.asked = now;
  peer::Gather frame;
  append_snapshot_begin(frame, session.begin);
  listener_.send(session.begin.envelope.to, std::move(frame));
}

void BaseSender::receive(const peer::SnapshotReply& reply, const raft::Instant& now) {
  using State = peer::SnapshotReply::State;
  now_ = now;
  const auto found = sessions_.find(reply.envelope.from);
  if (found == sessions_.end() || found->second->over) return;
  const auto session = found->second;
  if (reply.snapshot_id != session->begin.snapshot_id) return;
  session->heard = now;
  if (reply.state == State::kDone) return finish(*session, now);
  if (reply.state == State::kRefused) return fail(*session, "the member cannot take it now", now);
  const BasePlace place{reply.file, reply.offset};
  if (!session->places.is_valid(place)) return;
  session->acked = place;
  session->window.acknowledged(session->places.before(place), now);
  if (!session->is_answered || session->next < place) session->next = place;
  session->is_answered = true;
  if (place == session->places.end()) {
    peer::Gather frame;
    append_snapshot_end(frame,
                        {session->begin.envelope, reply.snapshot_id, session->places.bytes()});
    listener_.send(reply.envelope.from, std::move(frame));
    return;
  }
  pump(session, now);
}

void BaseSender::work(raft::Core& core, const raft::Instant& now) {
  now_ = now;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto next = std::next(at);
    const auto session = at->second;
    const raft::NodeId peer = at->first;
    const auto progress = core.peers().find(peer);
    const bool is_wanted = core.role() == raft::Role::kLeader &&
                           core.term() == session->begin.envelope.term &&
                           progress != core.peers().end();
    // It has the state, as its answer to a heartbeat told, or found another way.
    const bool is_needed = is_wanted &&
                           progress->second.state == raft::Progress::State::kSnapshot &&
                           progress->second.reset_round == session->begin.round;
    if (!session->over && !is_wanted) tell(*session, BaseNews::Kind::kNotSent, "the lead ended");
    if (!session->over && is_wanted && !is_needed) finish(*session, now);
    const bool is_over =
        session->over && raft::shortest_us(*session->over, now) >= session->pause_us;
    if (!is_wanted || is_over) {
      sessions_.erase(at);
      if (is_wanted) core.snapshot_ended(peer, session->begin.round);
    } else if (!session->over) {
      if (raft::shortest_us(session->heard, now) >= kGiveUpUs) {
        fail(*session, "no answer", now);
      } else if (raft::shortest_us(session->heard, now) >= kQuietUs &&
                 raft::shortest_us(session->asked, now) >= kQuietUs) {
        ask(*session, now);
      } else {
        pump(session, now);
      }
    }
    at = next;
  }
}

// Sends while there is something to send and room for it on the way, up to the next read.
void BaseSender::pump(const std::shared_ptr<Session>& session, const raft::Instant& now) {
  constexpr double kMicro = 1e6;
  const double burst = std::min(kBurst, rate_ / kBurstsPerSecond);
  const auto elapsed = static_cast<double>(raft::shortest_us(session->worked, now));
  session->credit = std::min(burst, session->credit + elapsed / kMicro * rate_);
  session->worked = now;
  const BasePlaces& places = session->places;
  while (session->is_answered && !session->is_reading && session->next != places.end() &&
         session->credit > 0 &&
         places.before(session->next) - places.before(session->acked) < session->window.size()) {
    const std::uint64_t size = std::min(session->window.piece_size(),
                                        places.size(session->next.file) - session->next.offset);
    if (session->next.file >= kBaseHeads) return read_piece(session, size);
    const std::string_view head = session->heads[session->next.file];
    send_piece(*session, size, head.substr(session->next.offset, size), nullptr);
  }
}

void BaseSender::send_piece(Session& session, std::uint64_t size, std::string_view bytes,
                            std::shared_ptr<const void> owner) {
  peer::Gather frame;
  append_snapshot_chunk(frame,
                        {session.begin.envelope, session.begin.snapshot_id, session.next.file,
                         session.next.offset, bytes},
                        std::move(owner));
  session.next = session.places.after(session.next, size);
  session.credit -= static_cast<double>(size);
  const std::uint64_t end = session.places.before(session.next);
  session.window.sent(end, end - session.places.before(session.acked), now_);
  listener_.send_chunk(session.begin.envelope.to, std::move(frame));
}

void BaseSender::read_piece(const std::shared_ptr<Session>& session, std::uint64_t size) {
  session->is_reading = true;
  auto piece = std::make_shared<Piece>();
  piece->place = session->next;
  piece->bytes.resize(static_cast<std::size_t>(size));
  listener_.run_aside([&fs = store_.directory().fs(), session,
                       piece] { piece->outcome = read(fs, *session, piece->place, piece->bytes); },
                      [this, session, piece] {
                        session->is_reading = false;
                        const auto found = sessions_.find(session->begin.envelope.to);
                        if (found == sessions_.end() || found->second != session || session->over)
                          return;
                        if (!piece->outcome)
                          return fail(*session, describe(piece->outcome.error()), now_);
                        // The member may have been asked meanwhile where to go on.
                        if (session->is_answered && session->next == piece->place) {
                          const std::string_view bytes = piece->bytes;
                          send_piece(*session, bytes.size(), bytes, {piece, piece->bytes.data()});
                        }
                        pump(session, now_);
                      });
}

Result<void> BaseSender::read(io::FileSystem& fs, Session& session, BasePlace place,
                              std::string& bytes) {
  if (!session.file || session.file_number != place.file) {
    auto file = fs.open(session.paths[place.file - kBaseHeads], io::OpenMode::kRead);
    if (!file) return tl::unexpected(std::move(file).error());
    session.file = std::move(*file);
    session.file_number = place.file;
  }
  auto got = session.file->read_at(place.offset, bytes.data(), bytes.size());
  if (!got) return tl::unexpected(std::move(got).error());
  if (*got == bytes.size()) return {};
  return tl::unexpected(Error{Errc::kCorruption, session.file->path() + " is too short", {}});
}

void BaseSender::finish(Session& session, const raft::Instant& now) {
  tell(session, BaseNews::Kind::kSent);
  session.over = now;
  session.base.pin.reset();
}

void BaseSender::fail(Session& session, std::string cause, const raft::Instant& now) {
  tell(session, BaseNews::Kind::kNotSent, std::move(cause));
  session.over = now;
  session.pause_us = kPauseUs;
  session.base.pin.reset();
}

std::optional<double> BaseSender::share(raft::NodeId peer) const {
  const auto found = sessions_.find(peer);
  if (found == sessions_.end() || found->second->over) return std::nullopt;
  const Session& session = *found->second;
  return static_cast<double>(session.places.before(session.acked)) /
         static_cast<double>(std::max<std::uint64_t>(1, session.places.bytes()));
}

}  // namespace kv::node
