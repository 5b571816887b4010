#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "raft/entry.h"
#include "raft/hard_state.h"
#include "raft/message.h"
#include "raft/types.h"

namespace kv::raft {

// Names a write to the log, for its completion: rule R5. The epoch tells apart two writes of the
// same record where another record stood there between them.
struct LogWrite {
  Point last;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;  // ascending within one life of the process
};

// Take the place of the whole state and log, in one step that a crash leaves done or not done. From
// when it is taken the state counts as applied up to the point: the driver calls applied() with it
// once it answers from there, and drops whatever it was about to apply before.
struct Install {
  Point point;
  std::shared_ptr<const Config> config;
  LogWrite write;
};

using ReadId = std::uint64_t;  // the caller's own name for a read; may repeat
struct ReadResult {
  ReadId id = 0;
  // Once the driver has applied up to here, what it reads is linearizable. None: refused, as this
  // node does not lead (any more), or cannot reach who does.
  std::optional<Seq> seq;
};

// As of this Ready: what was in between is not told. Whoever waits for the end of a term compares
// terms, as the same node may lead the next one.
struct RoleChange {
  Role role = Role::kFollower;
  Term term = 0;
  NodeId leader = kNoNode;  // kNoNode: unknown
};

// Something that cannot be, and that only a person can set right. After all but the last the node
// takes no part any more, which its hard state keeps: rule R3.
struct Alarm {
  enum class Kind : std::uint8_t {
    kLogsDiffer,        // the same term and number, another record
    kTwoLeaders,        // in one term
    kCommitOverridden,  // a leader sends other records than those that are committed
    kPeerForgot,  // the peer acknowledged a record, has it no more and does not know of it. If
                  // its log is only too short it is filled again; if it differs, not
  };
  Kind kind = Kind::kLogsDiffer;
  NodeId peer = kNoNode;
  Point ours;
  Point theirs;
};
const char* name_of(Alarm::Kind kind);

// What the driver has to do next. The parts that concern the log are done in this order: install,
// truncate_from, append. Everything may be begun at once and finished later, but writes to the log
// must reach the disk in the order in which they were taken.
struct Ready {
  // Make durable, in the order in which they were taken, then call hard_state_done(version). A
  // newer one that is durable stands for the older ones.
  std::optional<HardState> hard_state;
  // Do durably, then call disk_done(install->write).
  std::optional<Install> install;
  // The records from here on are overridden by those in `append`.
  std::optional<Seq> truncate_from;
  // From here on the log was rewritten since the last Ready, including records that no Ready ever
  // had. `append` has those that are there now. Who waits for one that
  // is not may wait for ever, and its fate is open: a node that has it may yet become leader and
  // commit it. It never will be once another record is committed in its place.
  std::optional<Seq> rolled_back_from;
  // Write and make durable, then call disk_done(*log_write).
  std::vector<Entry> append;
  std::optional<LogWrite> log_write;
  // All of these may go at once: what had to wait for the disk stayed inside the core until the
  // disk was done. Any may be lost, or arrive late, twice or in another order.
  std::vector<Message> messages;
  // Apply from apply_first to commit, then call applied(). Nothing when apply_first > commit. An
  // install stands for everything up to its point.
  Seq apply_first = 1;
  Seq commit = 0;
  std::vector<ReadResult> reads;
  std::optional<RoleChange> role;
  std::optional<Alarm> alarm;
};

}  // namespace kv::raft
