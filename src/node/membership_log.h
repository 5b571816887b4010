#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/uuid.h"
#include "engine/log_reader.h"
#include "format/members_file.h"
#include "format/membership.h"
#include "kv/result.h"
#include "raft/config.h"

namespace kv::node {

// Which node of a cluster this is. A number stands for another node once another disk has it (rule
// M6).
struct Self {
  raft::NodeId id = raft::kNoNode;
  base::Uuid uuid;
  // It was not there when the cluster was made: a member whose disk nobody knows is another one.
  bool has_joined = false;

  bool is(const format::Member& member) const;
  bool is_in(const format::Membership& membership) const;
};

// As the core of that node is to see it. A member of its number with another disk is another node,
// so it gets another number there: nobody votes in that one's name.
raft::Config config_of(const format::Membership& membership, const Self& self);

// Who the members are from which record on: first what MEMBERS says, then the CONFIG records behind
// that. Rule M3: the last one is in force, and no more when its record is taken back.
class MembershipLog {
 public:
  struct At {
    raft::Seq sequence = 0;  // of the CONFIG record; 0: as the cluster was made
    format::Membership membership;
  };

  explicit MembershipLog(At first) { all_.push_back(std::move(first)); }
  // That of a node that starts: MEMBERS, and what the log has up to `last`, of which nothing below
  // its floor is looked at. Errors: kCorruption when the log cannot be read there, kIo.
  static Result<MembershipLog> read(const format::MembersFile& file, engine::LogReader& reader,
                                    raft::Seq floor, raft::Seq last);

  const At& latest() const { return all_.back(); }
  const At& at(raft::Seq sequence) const;  // in force there; not below the first one's
  const std::vector<At>& all() const { return all_; }

  // One that is known is ignored: damage may have taken it from the log, and the leader sends it
  // again.
  void append(raft::Seq sequence, format::Membership membership);
  // True: another one is in force. The first one is committed, and stays.
  bool truncate_from(raft::Seq sequence);
  // Keeps the one in force there.
  void forget_before(raft::Seq sequence);

  // For a core whose driver has applied everything up to `applied`. Of the first one all that
  // counts is that it is committed.
  std::vector<raft::ConfigAt> configs(const Self& self, raft::Seq applied) const;

 private:
  std::vector<At> all_;  // ascending, never empty
};

}  // namespace kv::node
