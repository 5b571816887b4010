#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/record_repair.h"
#include "engine/store_impl.h"
#include "node/repair_news.h"
#include "node/replica_listener.h"
#include "peer/record_copy.h"
#include "raft/core.h"

namespace kv::node {

// Has records that this node's disk lost put back with copies of other members (3.11 of the
// protocol), and gives copies to others.
//
// Looks at sealed segments in which a read or the scrubber found damage: finds keys whose newest
// record cannot be read, and asks for each in turn the leader, then the other members. What was
// applied when the record was the newest goes with the question; who answers has applied that much,
// and what it says is taken only if it is not of a later version and the key's place is the same
// still. So it is that record, whatever was written meanwhile. Neither side does anything before
// its store is what a log makes of it (Replica::is_whole).
//
// Memory: one record, and a step's losses. Reads and writes of files are made aside. The thread of
// its replica. Nothing of it outlives a restart: damage is found again.
class Repair {
 public:
  // The same segment is looked at again after that long; when a read fails again after the second,
  // or the third where something could not be put back.
  static constexpr std::uint64_t kRestUs = 600'000'000;
  static constexpr std::uint64_t kRestAfterReadUs = 5'000'000;
  static constexpr std::uint64_t kRestLeftUs = 30'000'000;
  static constexpr std::uint64_t kPatienceUs = 10'000'000;  // for an answer

  Repair(StoreImpl& store, ReplicaListener& listener) : store_(store), listener_(listener) {}

  // A few times per heartbeat.
  void work(const raft::Core& core, bool is_whole, const raft::Instant& now);
  void receive(const peer::RecordFrame& frame, const raft::Core& core, bool is_whole,
               const raft::Instant& now);

  std::uint64_t put_back() const { return put_back_; }
  // As of the last look at each segment.
  std::uint64_t left() const;

 private:
  struct Looked {
    raft::Instant at;
    std::uint64_t failed_reads = 0;
    std::uint64_t left = 0;
  };
  // One look, at all segments that are due. Holds nothing of the store's: its jobs may outlive
  // that.
  struct Round {
    engine::RecordRepair::Search search;
    std::map<format::SegmentId, Looked> looked;
    std::size_t at = 0;  // of what was found
    std::map<format::SegmentId, bool> mended;
    std::set<raft::NodeId> silent;
    RepairNews news;
    // Of the loss at `at`.
    bool has_begun = false;
    std::deque<raft::NodeId> candidates;
    std::uint32_t attempts = 0;
    bool was_put_off = false;
    std::string causes;
  };
  struct Question {
    std::uint64_t id = 0;
    raft::NodeId peer = raft::kNoNode;
    raft::Instant since;
  };

  void look(const raft::Core& core);
  bool is_due(const engine::Segment& segment) const;
  void advance();
  void search_on();
  void begin_loss();
  void ask_next();
  void take(const peer::RecordReply& reply, const std::shared_ptr<const std::string>& payload);
  void note(raft::NodeId peer, std::string_view cause);
  void leave();  // the loss, as it is
  void next_loss();
  void finish();
  void finished();
  void serve(const peer::RecordRequest& request, bool is_whole);
  void answer(const peer::Envelope& to, std::uint64_t id, peer::RecordReply::State state);
  const engine::RecordRepair::Loss& loss() const { return round_->search.found[round_->at]; }

  StoreImpl& store_;
  ReplicaListener& listener_;
  raft::Instant now_;
  raft::NodeId self_ = raft::kNoNode;
  raft::Term term_ = 0;
  std::vector<raft::NodeId> peers_;  // the leader first
  std::map<format::SegmentId, Looked> looked_;
  std::optional<raft::Instant> looked_at_;
  std::shared_ptr<Round> round_;  // shared with the job under way
  bool is_waiting_ = false;       // for a job, an answer, or `put_off_`
  std::optional<Question> question_;
  std::optional<raft::Instant> put_off_;
  std::uint64_t next_id_ = 1;
  std::uint64_t put_back_ = 0;
  std::set<raft::NodeId> serving_;
};

}  // namespace kv::node
