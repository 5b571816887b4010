#include "raft/message.h"

#include <fmt/format.h>

#include "raft/ready.h"

namespace kv::raft {

namespace {

std::string text(const Position& at) { return fmt::format("{}.{}", at.term, at.seq); }

std::string text(const PrevoteRequest& body) { return "prevote? last=" + text(body.last); }
std::string text(const PrevoteReply& body) {
  return fmt::format("prevote asked={} {}", body.asked, body.is_granted ? "granted" : "refused");
}
std::string text(const VoteRequest& body) {
  return fmt::format("vote? last={} token={}", text(body.last), body.transfer_token);
}
std::string text(const VoteReply& body) {
  return body.is_granted ? "vote granted" : "vote refused";
}
std::string text(const Append& body) {
  return fmt::format("append prev={} last={} commit={} round={}", text(body.prev.position()),
                     body.last, body.commit, body.round);
}
std::string text(const AppendReply& body) {
  std::string line = fmt::format("appended round={} matched={} durable={} applied={}", body.round,
                                 body.matched, body.durable, body.applied);
  if (!body.conflict) return line;
  const Conflict& conflict = *body.conflict;
  return line + fmt::format(" conflict prev={} term={} first={} last={}{}", conflict.prev,
                            conflict.term, conflict.first, conflict.last,
                            conflict.is_damaged ? " damaged" : "");
}
std::string text(const ReadRequest& body) { return fmt::format("read? nonce={}", body.nonce); }
std::string text(const ReadReply& body) {
  return body.seq ? fmt::format("read nonce={} seq={}", body.nonce, *body.seq)
                  : fmt::format("read nonce={} refused", body.nonce);
}
std::string text(const Snapshot& body) {
  return fmt::format("snapshot {} round={}", text(body.point.position()), body.round);
}
std::string text(const TimeoutNow& body) { return fmt::format("timeout-now token={}", body.token); }

}  // namespace

const char* name_of(Alarm::Kind kind) {
  switch (kind) {
    case Alarm::Kind::kLogsDiffer:
      return "logs differ";
    case Alarm::Kind::kTwoLeaders:
      return "two leaders";
    case Alarm::Kind::kCommitOverridden:
      return "a committed record is overridden";
    case Alarm::Kind::kPeerForgot:
      return "a peer forgot what it acknowledged";
  }
  return "unknown";
}

std::string describe(const Message& message) {
  const std::string body = std::visit([](const auto& held) { return text(held); }, message.body);
  return fmt::format("{}>{} t{} {}", static_cast<std::uint64_t>(message.from),
                     static_cast<std::uint64_t>(message.to), message.term, body);
}

}  // namespace kv::raft
