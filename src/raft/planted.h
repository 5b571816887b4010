#pragma once

#include <span>

namespace kv::raft {

// Mistakes that can be planted in the core, to prove that the simulator finds them: each place that
// could make one asks is_planted() first. Only the library kv_raft_planted, which a test alone
// links, is built with KV_PLANTED_BUGS; everywhere else the answer is a constant "no" and the
// mistake is not compiled.
enum class Bug {
  kVoteNotPersisted,     // a vote is answered and kept in memory only
  kVoteClearedInTerm,    // stepping down within a term forgets the vote
  kCommitOldTerm,        // a record of an earlier term is committed by counting copies
  kNoBootSilence,        // a node that just started forgets what it promised
  kReadKeyedByCaller,    // the caller's id is taken for the round that proves a read
  kReadBeforeNoop,       // a new leader serves reads before a record of its term is committed
  kLeaseAfterTransfer,   // it keeps its lease while another may campaign
  kLeaseFromReceipt,     // the lease runs from when the echo came in
  kStaleDiskCompletion,  // a completion counts although the log changed meanwhile
  kConfigBeforeNoop,     // members change before a record of the term is committed
  kTwoConfigs,           // and while an earlier change is not committed
  kCountsSelfEarly,      // a leader counts itself before its disk is done
  kAckBeforeSync,        // a follower acknowledges what is not on its disk
  kSequenceOnlyResume,   // an append fits where a record with its number stands
  kSendsBeforeSaved,     // messages do not wait for the term and vote under which they were written
  kNoStickiness,         // who promised to follow a leader votes for others nevertheless
  kClaimIgnored,         // who lost records votes by those that are left
  kCommitUnbounded,      // a follower commits records that it has not compared with the leader's
  kConfigKept,           // an overridden configuration stays in force
  kRemovedCountsSelf,    // a leader that is no voter any more counts its own disk
  kInstallAckedEarly,    // a snapshot is acknowledged before it is on the disk
};

#ifdef KV_PLANTED_BUGS
struct BugName {
  Bug bug;
  const char* name;
};
std::span<const BugName> all_bugs();
// From here on in the whole process; one at a time.
void plant(Bug bug);
bool is_planted(Bug bug);
#else
constexpr bool is_planted(Bug) { return false; }
#endif

}  // namespace kv::raft
