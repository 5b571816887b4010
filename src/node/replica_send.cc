// What goes to the other members, and what a leader does that cannot bring them what they should
// have.

#include <algorithm>
#include <memory>
#include <utility>

#include "node/replica.h"

namespace kv::node {

namespace {

// From one attempt to hand over to the next, at least and at most.
constexpr std::uint64_t kElectionsBetween = 5;
constexpr std::uint64_t kElectionsBetweenMax = 64 * kElectionsBetween;

}  // namespace

void Replica::send(const raft::Message& message) {
  if (std::holds_alternative<raft::Snapshot>(message.body)) {
    const MembershipLog::At& at = memberships_->at(floor_.seq);
    return sender_.begin(message,
                         {.config_sequence = at.sequence,
                          .sequence = std::max(at.sequence, floor_.seq),
                          .membership = at.membership},
                         now_);
  }
  peer::Gather frame;
  if (const auto* append = std::get_if<raft::Append>(&message.body)) {
    raft::Message sent = message;
    const auto records = records_of(std::get<raft::Append>(sent.body));
    if (!records) return note_unreadable(message.to, append->prev.seq + 1, records.error());
    peer::append_message(frame, sent, *records);
  } else {
    peer::append_message(frame, message);
  }
  parts_.listener.send(message.to, std::move(frame));
}

// Where not all of them can be read, `append` ends before the first that cannot.
Result<std::vector<peer::SentRecord>> Replica::records_of(raft::Append& append) const {
  std::vector<peer::SentRecord> records;
  if (append.last == append.prev.seq) return records;
  const auto read =
      reader_.read(append.prev.seq + 1, append.last, UINT64_MAX, [&](const auto& record) {
        auto body = std::make_shared<const std::string>(record.body);
        records.push_back({record.header, *body, body});
      });
  if (!read) return tl::unexpected(read.error());
  append.last = *read;
  return records;
}

// As if the network had lost it: it is sent again, and perhaps the record is put back meanwhile, or
// a full disk has taken it in.
void Replica::note_unreadable(raft::NodeId peer, raft::Seq seq, const Error& error) {
  if (error.code == Errc::kInvalidArgument) return;
  if (error.code != Errc::kCorruption) return fail(error);
  unreadable_ = seq;
  parts_.listener.on_unreadable(peer, seq, error);
}

// Who leads must be able to send what others lack, and to take what clients write (rule D5):
// another one may have the record sound, or room. Who leads again soon after met members that are
// no better off, and waits twice as long.
void Replica::give_way(const raft::Instant& now, bool looks_at_space) {
  auto needed = std::exchange(unreadable_, std::nullopt);
  if (leading_ == 0 || core_->is_transferring()) return;
  if (!needed && looks_at_space && parts_.store.space().state != SpaceState::kNormal) {
    needed = core_->commit();
  }
  if (!needed) return;
  const std::uint64_t election_us = core_->config().election_us;
  std::uint64_t pause_us = kElectionsBetween * election_us;
  if (gave_way_) {
    const std::uint64_t since_us = raft::longest_us(gave_way_->at, now);
    if (since_us < gave_way_->pause_us) return;
    const std::uint64_t twice_us = 2 * gave_way_->pause_us;
    if (since_us < twice_us) pause_us = std::min(twice_us, kElectionsBetweenMax * election_us);
  }
  const auto successor = next_successor(*needed);
  if (!successor) return;
  gave_way_ = GaveWay{.at = now, .pause_us = pause_us, .to = *successor};
  [[maybe_unused]] const auto begun = transfer(*successor, now);
}

// Who has all up to `needed`; of several the one behind who was asked last.
std::optional<raft::NodeId> Replica::next_successor(raft::Seq needed) const {
  std::optional<raft::NodeId> first;
  for (const auto& [peer, progress] : core_->peers()) {
    if (!core_->can_succeed(peer) || progress.match < needed) continue;
    if (!gave_way_ || peer > gave_way_->to) return peer;
    if (!first) first = peer;
  }
  return first;
}

}  // namespace kv::node
