#include "engine/planted.h"

#ifdef KV_PLANTED_BUGS

#include <atomic>

namespace kv::engine {

namespace {

constexpr int kNone = -1;
std::atomic<int> planted{kNone};

constexpr BugName kBugs[] = {
    {Bug::kSkipDirectorySync, "skip-directory-sync"},
    {Bug::kAcknowledgeBeforeSync, "acknowledge-before-sync"},
    {Bug::kApplyBeforeSync, "apply-before-sync"},
    {Bug::kSealBeforeSync, "seal-before-sync"},
    {Bug::kMarkTooEarly, "mark-too-early"},
    {Bug::kForgetFailedSync, "forget-failed-sync"},
    {Bug::kZerosOverRecords, "zeros-over-records"},
    {Bug::kCutNotSynced, "cut-not-synced"},
    {Bug::kKeepRefusedRecords, "keep-refused-records"},
    {Bug::kEditNotSynced, "edit-not-synced"},
    {Bug::kCurrentNotSynced, "current-not-synced"},
    {Bug::kDropOldManifestEarly, "drop-old-manifest-early"},
    {Bug::kUnlinkBeforeManifest, "unlink-before-manifest"},
    {Bug::kMergeOutputNotSynced, "merge-output-not-synced"},
    {Bug::kMergeWithoutLogSync, "merge-without-log-sync"},
    {Bug::kPublishWithoutCompare, "publish-without-compare"},
    {Bug::kUpdateOlderValue, "update-older-value"},
    {Bug::kRenumberMoved, "renumber-moved"},
    {Bug::kDropTombstoneEarly, "drop-tombstone-early"},
    {Bug::kMergeDamagedInput, "merge-damaged-input"},
    {Bug::kSnapshotDoesNotPin, "snapshot-does-not-pin"},
    {Bug::kTrustAnyHint, "trust-any-hint"},
    {Bug::kReplayHalfBatch, "replay-half-batch"},
    {Bug::kCutAcknowledged, "cut-acknowledged"},
    {Bug::kTailNotCut, "tail-not-cut"},
    {Bug::kAppendToRecovered, "append-to-recovered"},
    {Bug::kReuseEarlySpare, "reuse-early-spare"},
    {Bug::kSealTailUnsynced, "seal-tail-unsynced"},
    {Bug::kNotWrittenAgain, "not-written-again"},
    {Bug::kCheckpointWithoutSync, "checkpoint-without-sync"},
    {Bug::kCheckpointHidesNewer, "checkpoint-hides-newer"},
    {Bug::kUnlinkBeforeDrop, "unlink-before-drop"},
    {Bug::kStateAdded, "state-added"},
    {Bug::kMergeLog, "merge-log"},
    {Bug::kRepeatRequest, "repeat-request"},
    {Bug::kConditionOnApplied, "condition-on-applied"},
    {Bug::kRefusalWithoutRecord, "refusal-without-record"},
    {Bug::kFollowHalfBatch, "follow-half-batch"},
};

}  // namespace

std::span<const BugName> all_bugs() { return kBugs; }
void plant(Bug bug) { planted = static_cast<int>(bug); }
bool is_planted(Bug bug) { return planted == static_cast<int>(bug); }

}  // namespace kv::engine

#endif
