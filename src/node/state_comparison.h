#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "engine/fingerprint_scan.h"
#include "engine/store_impl.h"
#include "node/replica_listener.h"
#include "peer/fingerprint.h"
#include "raft/core.h"

namespace kv::node {

// Whether all members hold the same (rule A3). Their logs are the same, which their chains prove;
// but merges, files that were sent, recovery and disks make of a log what is read.
//
// At a record that the leader writes for it each member remembers what it holds then, computes the
// fingerprint of that a little at a time, and sends it to whoever leads. What a majority of the
// voters holds is right. A member that holds something else begins anew: it stops, asks until the
// leader says that all that is committed has a majority without it, claims the end of its log (so
// that it helps nobody who has less), gives up all it has and gets it once more. A leader that
// differs hands over first. Without a majority nothing is done but said.
//
// A member where a start found damage that may hide keys (engine::HiddenDamage) holds the same as
// nobody, whatever its index has: it refuses reads, and begins anew to serve again.
//
// Memory: a fingerprint of 32 KiB for each member. A comparison under way keeps what the index had
// of keys that are written meanwhile, and pins segments, so that the space of those merged comes
// back when it ends. The thread of its replica.
//
// After a crash all of it is forgotten; who differs still is found by the next one.
class StateComparison {
 public:
  // kBeginAnew, once: everything this node has is to be replaced by nothing.
  enum class Wish : std::uint8_t { kNone, kBeginAnew };
  static constexpr std::uint64_t kStopMaxUs = 2'000'000;

  // `interval_us`: from one record to the next; 0: only those that are asked for.
  // `can_serve`: whether this node, leading, could give a member all it has.
  StateComparison(StoreImpl& store, ReplicaListener& listener, std::uint64_t interval_us,
                  std::function<bool()> can_serve)
      : store_(store),
        listener_(listener),
        interval_us_(interval_us),
        can_serve_(std::move(can_serve)) {}

  // Of a leader that serves: a record is due. wrote(): it was written.
  bool is_due(const raft::Instant& now) const;
  void wrote(const raft::Instant& now) { wrote_ = now; }
  // `whole_from`: see Replica::is_whole. What was remembered before says nothing.
  void work(const raft::Core& core, std::optional<raft::Seq> whole_from, const raft::Instant& now);
  // `last`: the end of this node's log.
  Wish receive(const peer::FingerprintFrame& frame, raft::Core& core, raft::Seq last,
               const raft::Instant& now);
  // This node takes no part while it waits to be let go, so that its log stays as it is; for
  // kStopMaxUs at most.
  bool has_stopped() const { return stopped_.has_value(); }

  // See Replica::let_go().
  void let_go() { scan_.reset(); }

  // Who is to lead instead of this node, which leads and differs; now and then.
  std::optional<raft::NodeId> take_successor(const raft::Core& core);

  // The newest record at which this node, leading, found a majority that holds the same.
  raft::Seq compared() const { return compared_; }
  std::uint64_t members_the_same() const { return same_; }

 private:
  using State = std::shared_ptr<const format::StateFingerprint>;
  struct Scan;

  void begin_scan(raft::NodeId self, std::optional<raft::Seq> whole_from);
  void go_on();
  void finish_scan(const Scan& scan);
  void send_own(const raft::Core& core);
  void judge(const raft::Core& core);
  void answer(const peer::Fingerprint& asked, raft::Core& core);
  void reply(const peer::Fingerprint& to, peer::FingerprintReply::Verdict verdict,
             const raft::Core& core);
  void tell(ComparisonNews::Kind kind, raft::NodeId peer = raft::kNoNode, std::string cause = {});

  StoreImpl& store_;
  ReplicaListener& listener_;
  const std::uint64_t interval_us_;
  const std::function<bool()> can_serve_;
  raft::Instant now_;
  std::optional<raft::Instant> wrote_;
  std::shared_ptr<Scan> scan_;  // under way

  // Of the newest comparison that was computed here.
  raft::Seq sequence_ = 0;
  State own_;
  std::optional<raft::Instant> sent_;
  std::uint64_t pause_us_ = 0;  // until it is sent again
  bool is_answered_ = false;
  std::optional<raft::Instant> stopped_;
  raft::Seq last_ = 0;  // the end of the log since then
  std::uint32_t stop_ = 0;
  std::uint64_t stop_pause_us_ = 0;  // after one that came to nothing

  // A leader's, of that comparison.
  std::map<raft::NodeId, State> heard_;
  State right_;  // what a majority holds; null: not known yet
  bool is_undecided_told_ = false;
  std::optional<raft::Instant> handed_over_;
  raft::Seq compared_ = 0;
  std::uint64_t same_ = 0;
};

}  // namespace kv::node
