#include "raft/planted.h"

#ifdef KV_PLANTED_BUGS

#include <atomic>

namespace kv::raft {

namespace {

constexpr int kNone = -1;
std::atomic<int> planted{kNone};

constexpr BugName kBugs[] = {
    {Bug::kVoteNotPersisted, "vote-not-persisted"},
    {Bug::kVoteClearedInTerm, "vote-cleared-in-term"},
    {Bug::kCommitOldTerm, "commit-old-term"},
    {Bug::kNoBootSilence, "no-boot-silence"},
    {Bug::kReadKeyedByCaller, "read-keyed-by-caller"},
    {Bug::kReadBeforeNoop, "read-before-noop"},
    {Bug::kLeaseAfterTransfer, "lease-after-transfer"},
    {Bug::kLeaseFromReceipt, "lease-from-receipt"},
    {Bug::kStaleDiskCompletion, "stale-disk-completion"},
    {Bug::kConfigBeforeNoop, "config-before-noop"},
    {Bug::kTwoConfigs, "two-configs"},
    {Bug::kCountsSelfEarly, "counts-self-early"},
    {Bug::kAckBeforeSync, "ack-before-sync"},
    {Bug::kSequenceOnlyResume, "sequence-only-resume"},
    {Bug::kSendsBeforeSaved, "sends-before-saved"},
    {Bug::kNoStickiness, "no-stickiness"},
    {Bug::kClaimIgnored, "claim-ignored"},
    {Bug::kCommitUnbounded, "commit-unbounded"},
    {Bug::kConfigKept, "config-kept"},
    {Bug::kRemovedCountsSelf, "removed-counts-self"},
    {Bug::kInstallAckedEarly, "install-acked-early"},
};

}  // namespace

std::span<const BugName> all_bugs() { return kBugs; }
void plant(Bug bug) { planted = static_cast<int>(bug); }
bool is_planted(Bug bug) { return planted == static_cast<int>(bug); }

}  // namespace kv::raft

#endif
