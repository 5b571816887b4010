// What goes to the other members, and what a leader does that cannot read what one of them lacks.

#include <memory>
#include <utility>

#include "node/replica.h"

namespace kv::node {

namespace {

// From one attempt to hand over to the next.
constexpr std::uint64_t kElectionsBetween = 5;

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

// Who has the record, and so may have it sound, leads on; the peer would be behind for ever.
void Replica::give_way(const raft::Instant& now) {
  const auto unreadable = std::exchange(unreadable_, std::nullopt);
  if (!unreadable || leading_ == 0 || core_->is_transferring()) return;
  const std::uint64_t pause_us = kElectionsBetween * core_->config().election_us;
  if (gave_way_ && raft::longest_us(*gave_way_, now) < pause_us) return;
  const auto successor = core_->best_successor();
  if (!successor || core_->peers().at(*successor).match < *unreadable) return;
  gave_way_ = now;
  [[maybe_unused]] const auto begun = transfer(*successor, now);
}

}  // namespace kv::node
