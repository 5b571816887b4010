#include "raft/digest.h"

namespace kv::raft {

namespace {

void fold(Digest& digest, const PrevoteRequest& body) { digest.add(body.last); }
void fold(Digest& digest, const PrevoteReply& body) { digest.add(body.asked).add(body.is_granted); }
void fold(Digest& digest, const VoteRequest& body) {
  digest.add(body.last).add(body.transfer_token);
}
void fold(Digest& digest, const VoteReply& body) { digest.add(body.is_granted); }
void fold(Digest& digest, const Append& body) {
  digest.add(body.prev).add(body.last).add(body.commit).add(body.round);
  for (const Entry& entry : body.entries) digest.add(entry);
}
void fold(Digest& digest, const AppendReply& body) {
  digest.add(body.round).add(body.matched).add(body.durable).add(body.applied);
  digest.add(body.conflict.has_value());
  if (!body.conflict) return;
  const Conflict& conflict = *body.conflict;
  digest.add(conflict.prev).add(conflict.term).add(conflict.first).add(conflict.last);
  digest.add(conflict.is_damaged);
}
void fold(Digest& digest, const ReadRequest& body) { digest.add(body.nonce); }
void fold(Digest& digest, const ReadReply& body) {
  digest.add(body.nonce).add(body.seq.has_value()).add(body.seq.value_or(0));
}
void fold(Digest& digest, const Snapshot& body) {
  digest.add(body.point).add(body.round);
  if (body.config) digest.add(*body.config);
}
void fold(Digest& digest, const TimeoutNow& body) { digest.add(body.token); }

}  // namespace

Digest& Digest::add(const Config& config) {
  add(config.voters.size());
  for (const NodeId node : config.voters) add(node);
  add(config.learners.size());
  for (const NodeId node : config.learners) add(node);
  return add(config.election_us);
}

Digest& Digest::add(const Entry& entry) {
  add(entry.point()).add(entry.kind).add(entry.size).add(entry.digest);
  return entry.config ? add(*entry.config) : *this;
}

Digest& Digest::add(const Message& message) {
  add(message.from).add(message.to).add(message.term).add(message.body.index());
  std::visit([&](const auto& body) { fold(*this, body); }, message.body);
  return *this;
}

}  // namespace kv::raft
