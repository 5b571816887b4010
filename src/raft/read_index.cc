// Linearizable reads without writing to the log (thesis 6.4; 3.7 of the protocol).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

// Rule E7: before its NOOP is committed a leader does not know the newest commit of its
// predecessor, and what it took for committed may be long past (thesis 6.4, step 1).
bool Core::may_read() const {
  if (is_planted(Bug::kReadBeforeNoop)) return role_ == Role::kLeader;
  return serves();
}

// What is committed now may be read once it is proven that we lead now: by a round that begins
// after this, with the next take_ready().
tl::expected<void, Refusal> Core::read_index(ReadId id) {
  if (role_ != Role::kLeader) return forward_read(id);
  if (!may_read()) return tl::unexpected(Refusal::kNotReady);
  if (reads_.size() >= settings_.reads_max) return tl::unexpected(Refusal::kBusy);
  if (is_planted(Bug::kReadKeyedByCaller) && id <= quorum_round_) {
    read_results_.push_back({id, commit_});
    return {};
  }
  reads_.push({.id = id, .seq = std::max(commit_, promised_seq_)});
  return {};
}

tl::expected<void, Refusal> Core::forward_read(ReadId id) {
  if (leader_ == kNoNode) return tl::unexpected(Refusal::kNotLeader);
  if (forwarded_.size() >= settings_.reads_max) return tl::unexpected(Refusal::kBusy);
  const std::uint64_t nonce = next_nonce_++;
  forwarded_.emplace(nonce, Forwarded{.id = id, .begun = now_});
  send(leader_, ReadRequest{.nonce = nonce});
  return {};
}

void Core::on(const Message& message, const ReadRequest& request) {
  if (!may_read() || reads_.size() >= settings_.reads_max) {
    return send(message.from, ReadReply{.nonce = request.nonce});
  }
  reads_.push({.from = message.from, .id = request.nonce, .seq = std::max(commit_, promised_seq_)});
}

void Core::on(const Message&, const ReadReply& reply) {
  const auto found = forwarded_.find(reply.nonce);
  if (found == forwarded_.end()) return;
  read_results_.push_back({found->second.id, reply.seq});
  forwarded_.erase(found);
}

void Core::promise(Seq seq) {
  if (role_ == Role::kLeader)
    promised_seq_ = std::max(promised_seq_, std::min(seq, log_.last().seq));
}

void Core::prove_reads(Round round) {
  for (const WaitingRead& read : reads_.take_proven(round)) finish_read(read, read.seq);
}

void Core::finish_read(const WaitingRead& read, std::optional<Seq> seq) {
  if (read.from == kNoNode) {
    read_results_.push_back({read.id, seq});
  } else {
    send(read.from, ReadReply{.nonce = read.id, .seq = seq});
  }
}

void Core::refuse_reads() {
  for (const WaitingRead& read : reads_.take_all()) finish_read(read, std::nullopt);
}

// A question or its answer was lost, or the leader is gone.
void Core::expire_forwarded() {
  while (!forwarded_.empty()) {
    const auto oldest = forwarded_.begin();
    if (longest_us(oldest->second.begun, now_) < configs_.latest().election_us) return;
    read_results_.push_back({oldest->second.id, std::nullopt});
    forwarded_.erase(oldest);
  }
}

}  // namespace kv::raft
