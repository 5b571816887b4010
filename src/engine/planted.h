#pragma once

#include <span>

namespace kv::engine {

// Mistakes that can be planted in the engine, to prove that the crash explorer finds them: each
// place that could make one asks is_planted() first. Only the library kv_engine_planted, which a
// test alone links, is built with KV_PLANTED_BUGS; everywhere else the answer is a constant "no"
// and the mistake is not compiled.
enum class Bug {
  kSkipDirectorySync,      // a segment is listed before its name is durable
  kAcknowledgeBeforeSync,  // a write that asks for the disk is answered once it is written
  kApplyBeforeSync,        // it is seen before it is on the disk
  kSealBeforeSync,         // the MANIFEST says sealed of what is not on the disk yet
  kMarkTooEarly,           // a sync mark claims what was only written
  kForgetFailedSync,       // a failed sync is taken as done, and the file synced again
  kZerosOverRecords,       // zeros ahead of the log begin before its end
  kCutNotSynced,           // a segment is sealed before the cut of those zeros is durable
  kKeepRefusedRecords,     // what a full disk left of a refused group is not cut off
  kEditNotSynced,          // a MANIFEST edit is only written
  kCurrentNotSynced,       // CURRENT is renamed into place before its bytes are durable
  kDropOldManifestEarly,   // the old MANIFEST goes before the new CURRENT is durable
  kUnlinkBeforeManifest,   // a merge removes its inputs, then commits
  kMergeOutputNotSynced,   // it commits to outputs that are only written
  kMergeWithoutLogSync,    // and without the records that made others dead being durable
  kPublishWithoutCompare,  // it moves keys that were written meanwhile
  kUpdateOlderValue,       // an update does not see what is on its way to the index
  kRenumberMoved,          // it gives moved records a new sequence
  kDropTombstoneEarly,     // it drops deletes whatever other segments hold
  kMergeDamagedInput,      // it skips what it cannot read, and removes the input
  kSnapshotDoesNotPin,     // what a snapshot reads may be removed
  kTrustAnyHint,           // a hint counts whatever segment it was made for
  kReplayHalfBatch,        // recovery takes a batch's first member alone
  kCutAcknowledged,        // damage before a sync mark is cut off like a torn tail
  kTailNotCut,             // a torn tail stays in its file
  kAppendToRecovered,      // the segment that was active takes the next records
  kReuseEarlySpare,        // an empty segment before used ones takes the next records
  kSealTailUnsynced,       // recovery seals what only the page cache holds
  kNotWrittenAgain,        // recovery trusts pages that a failed sync left clean
  kCheckpointWithoutSync,  // a checkpoint gets its name before what it left out is durable
  kCheckpointHidesNewer,   // what it says of a key counts against newer records
  kUnlinkBeforeDrop,       // an empty segment's file goes before the MANIFEST forgets it
  kStateAdded,             // another node's state is added to what was there
  kMergeLog,               // a merge takes segments that others may still need as a log
  kRepeatRequest,          // a session's request is carried out as often as it comes
  kConditionOnApplied,     // a condition is judged by what is visible, not by what was appended
  kRefusalWithoutRecord,   // one that does not hold is answered without a record that commits
  kFollowHalfBatch,        // who follows takes a batch's first member alone
};

#ifdef KV_PLANTED_BUGS
struct BugName {
  Bug bug;
  const char* name;
};
// It takes more than a store: tests/kvsim finds it.
constexpr bool is_a_clusters(Bug bug) {
  return bug == Bug::kStateAdded || bug == Bug::kMergeLog || bug == Bug::kRepeatRequest ||
         bug == Bug::kConditionOnApplied || bug == Bug::kRefusalWithoutRecord ||
         bug == Bug::kFollowHalfBatch;
}
std::span<const BugName> all_bugs();
// From here on in the whole process; one at a time.
void plant(Bug bug);
bool is_planted(Bug bug);
#else
constexpr bool is_planted(Bug) { return false; }
#endif

}  // namespace kv::engine
