#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "raft/entry.h"
#include "raft/types.h"

namespace kv::raft {

// "Would you vote for me in the next term?" Changes nothing on either side (thesis 9.6). The
// message's term is the sender's present one.
struct PrevoteRequest {
  Position last;
};
struct PrevoteReply {
  Term asked = 0;  // the request's term
  bool is_granted = false;
};

struct VoteRequest {
  Position last;
  // The term whose leader handed over by TimeoutNow, which frees its voters from their promise
  // (rules E4, L5); 0: nobody did.
  Term transfer_token = 0;
};
struct VoteReply {
  bool is_granted = false;
};

// Records behind `prev` up to `last`; none when last == prev.seq, which makes it a heartbeat. The
// sender's driver attaches the records' bytes as they stand when it takes the message from the
// core, and drops the message if it could do so only after the core's term went on. The receiver's
// driver reads them and fills in `entries`, their chains computed from prev.chain.
struct Append {
  Point prev;
  Seq last = 0;
  Seq commit = 0;
  Round round = 0;
  Seq safe = 0;  // see Core::safe_floor()
  std::vector<Entry> entries = {};
};

// Why an append did not fit, with what lets the leader skip a whole term at once (thesis 3.5).
struct Conflict {
  Seq prev = 0;             // of the append that did not fit
  Term term = 0;            // of our record there; 0: our log is shorter
  Seq first = 0;            // our first record of that term
  Seq last = 0;             // the end of our log
  bool is_damaged = false;  // we lost records that we may have acknowledged
};

// Two acknowledgements in one: `round` says that we heard the leader, `durable` what our disk has.
// Round 0 answers a leader of an earlier term: only the message's term counts.
struct AppendReply {
  Round round = 0;
  Seq matched = 0;  // our log is the leader's up to here
  Seq durable = 0;  // and on our disk up to here
  Seq applied = 0;  // for who looks on: see Progress::applied
  std::optional<Conflict> conflict = {};
};

// A follower asks for a place in the log from which a read is linearizable.
struct ReadRequest {
  std::uint64_t nonce = 0;
};
struct ReadReply {
  std::uint64_t nonce = 0;
  std::optional<Seq> seq = {};  // none: ask again, elsewhere
};

// The state as of `point` replaces whatever the receiver has.
//
// The sender's driver keeps the state as it is at exactly this point, and what it can of the
// records behind it, until sending ended; streams the files; fills in who the members were there;
// and calls Core::snapshot_ended() once, however it ended. The receiver's driver hands this over
// once all files are verified and durable, though not yet in use; if the next Ready has no install,
// they are not wanted and go.
struct Snapshot {
  Point point;
  std::shared_ptr<const Config> config = {};  // none in what the core says
  Round round = 0;
};

// "Campaign now" (thesis 3.10).
struct TimeoutNow {
  Term token = 0;
};

using Body = std::variant<PrevoteRequest, PrevoteReply, VoteRequest, VoteReply, Append, AppendReply,
                          ReadRequest, ReadReply, Snapshot, TimeoutNow>;

struct Message {
  NodeId from = kNoNode;
  NodeId to = kNoNode;
  Term term = 0;
  Body body;
};

// One line for logs and traces.
std::string describe(const Message& message);

}  // namespace kv::raft
