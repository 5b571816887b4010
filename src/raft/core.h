#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "raft/clock.h"
#include "raft/config.h"
#include "raft/disk_watch.h"
#include "raft/log.h"
#include "raft/log_view.h"
#include "raft/message.h"
#include "raft/outbox.h"
#include "raft/progress.h"
#include "raft/random.h"
#include "raft/read_queue.h"
#include "raft/ready.h"
#include "raft/request.h"
#include "raft/rounds.h"
#include "raft/settings.h"

namespace kv::raft {

// One node's part in Raft: Ongaro, "Consensus: Bridging Theory and Practice" (2014), named "thesis"
// in this folder, with pre-vote, check-quorum, leases, transfer and single-server changes of the
// members. Decides; does nothing: it has no clock, thread, socket or file. Whoever drives it hands
// in what happened and does what take_ready() says.
//
// Time: the core lives at the last tick's instant. The driver reads the clocks after a message came
// in and ticks before it steps that message, so that a promise never begins before what it answers
// was sent. Ticks may come as often as they like; a few per heartbeat are needed.
//
// Threads: one at a time. Copies are independent but for the Log, which the copy is given anew.
//
// Bounds: the tail of the log by Settings, reads by Settings, rounds and held messages by their
// classes. A crash loses all of it; what a new core needs is in Boot and in the Log.
class Core {
 public:
  // The log and the hard state are what the disk has.
  Core(const Boot& boot, const Log& log, const Settings& settings, const Instant& now);
  Core(const Core& other, const Log& log);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() = default;

  // What happened.
  void tick(const Instant& now);
  void step(const Message& message);
  // A word of the leader of that term that is no message, as a piece of a snapshot is. It leads.
  void heard(NodeId leader, Term term);
  // A part of a message of that leader, which is not whole yet: all that it says meanwhile waits
  // behind it, over a slow link for many election timeouts. Counts as its word, and it is told that
  // we are there. To be called about once a heartbeat, as long as more of it comes.
  void heard_part(NodeId leader, Term term);
  // The hard state of that version is durable, and so are those before it.
  void hard_state_done(std::uint64_t version);
  // A write to the log, or an install, is durable.
  void disk_done(const LogWrite& write);
  // The driver's state has everything up to `seq`.
  void applied(Seq seq);
  // Records up to `seq`, all of them applied and durable, are about to be given up.
  void compacted(Seq seq);
  // Sending the Snapshot of that round to `peer` came to an end, well or not: to be called once for
  // each that a Ready had. Until then the state at its point is kept (see Snapshot).
  void snapshot_ended(NodeId peer, Round round);

  // What is wanted. Refused ones change nothing.
  tl::expected<Point, Refusal> propose(const Payload& payload);
  tl::expected<void, Refusal> read_index(ReadId id);
  tl::expected<void, Refusal> transfer(NodeId target);
  tl::expected<Point, Refusal> change_config(const ConfigChange& change);
  // Asks for votes now, as if the leader had been silent for long enough. Nobody who hears one
  // votes (rule E4). kInvalid: it may not lead; kNotReady: not yet, as it may have promised a vote
  // before it started, or it hears a leader.
  tl::expected<void, Refusal> campaign();
  // Whether a silent leader is enough to campaign. No: it votes and follows as ever, and campaigns
  // only when campaign() or a leader that hands over says so. That is somebody's wish about who
  // leads, and no promise: nothing that is safe depends on it. Yes unless it is said.
  void set_may_campaign(bool may_campaign);
  // What change_config() would put in force, if it did not refuse.
  tl::expected<Config, Refusal> try_config(const ConfigChange& change) const;
  // Of a leader. Whether a majority does without that peer: it was heard within an election timeout
  // and has all that is committed. kNotReady: it does not; kInvalid: there is no such peer, or it
  // is about to lead.
  tl::expected<void, Refusal> can_release(NodeId peer) const;
  // That peer, without which a majority does, may give up all that it has: it counts for nothing
  // from now on, until it says anew what is on its disk.
  tl::expected<void, Refusal> release(NodeId peer);
  // Whether nobody else can have been elected, as far as clocks can tell. `now` is read from the
  // clocks for the purpose, and what was decided on the answer is asked for once more before
  // anybody hears of it (rule L3).
  bool holds_lease(const Instant& now) const;
  // A read on the leader's word, which Settings have to allow, of somebody who asked before `now`
  // was read from the clocks: wait until that is applied, and read. None: ask read_index().
  std::optional<Seq> lease_read(const Instant& now) const;
  // A record of ours was acknowledged before it is committed: reads that are asked for from now on
  // wait for it, or end with our lead. Nobody ever sees one that is taken back.
  void promise(Seq seq);
  // Until when holds_lease() says what it says now, if nothing more comes in.
  std::optional<Instant> lease_end() const;

  // What to do about it. To be called after every few of the above.
  Ready take_ready();

  // What it is.
  NodeId id() const { return id_; }
  Role role() const { return role_; }
  Term term() const { return hard_.term; }
  NodeId voted_for() const { return hard_.voted_for; }
  NodeId leader() const { return leader_; }
  // When a leader was heard last: on a leader, when the last round began that a majority echoed.
  // For reads that may be stale by so much and no more. None: not in this life of the process.
  std::optional<Instant> leader_contact() const {
    return role_ == Role::kLeader ? quorum_contact_ : promised_;
  }
  Seq commit() const { return commit_; }
  Seq durable() const { return durable_; }
  // Nobody needs the log up to here as a log, as far as this node knows: every member has it on its
  // disk, and it is committed, or it lies below the leader's floor, from which nobody gets it. It
  // never falls.
  Seq safe_floor() const;
  Point last() const { return log_.last(); }
  // Of a record from the floor to the last one.
  Point point_at(Seq seq) const { return log_.point_at(seq); }
  const Config& config() const { return configs_.latest(); }
  Seq config_seq() const { return configs_.latest_seq(); }
  const std::map<NodeId, Progress>& peers() const { return peers_; }  // of a leader
  std::size_t waiting_reads() const { return reads_.size(); }
  // A leader whose NOOP is applied: rule E7.
  bool serves() const;
  // It asks for votes, or would if set_may_campaign() let it.
  bool wants_to_lead() const;
  // So many voters said no, of late, that it would not be elected: they have a better log, or hear
  // a leader. They are asked again.
  bool is_refused() const;
  // Of a leader's peers: a voter that answered just now.
  bool can_succeed(NodeId peer) const;
  // A leader that is about to hand over: it takes no proposals.
  bool is_transferring() const { return transfer_.has_value(); }
  // A leader's next tick hands over, if there is somebody.
  bool has_stalled_disk(const Instant& now) const;
  bool is_damaged() const { return hard_.claimed_last > log_.last().position(); }
  bool is_quarantined() const { return hard_.is_quarantined; }
  // Of everything that decides what the core does next; without timers and chance for a search that
  // lets every timer fire at any moment.
  enum class Timers : std::uint8_t { kCounted, kLeftOut };
  std::uint64_t fingerprint(Timers timers = Timers::kCounted) const;

 private:
  // election.cc, vote.cc
  bool is_alone() const;
  bool is_silent() const;
  bool is_bound() const;
  bool may_campaign() const;
  bool is_up_to_date(const Position& last) const;
  bool admits_higher_term(const Message& message) const;
  void reset_election_timer();
  void draw_election_timer(std::uint64_t least_us);  // up to twice that
  void tick_follower();
  void start_prevote();
  void ask_for_votes();
  void start_election(Term transfer_token);
  void become_follower(Term term, NodeId leader);
  void become_leader();
  void count_vote(NodeId voter, bool is_granted);
  void on(const Message& message, const PrevoteRequest& request);
  void on(const Message& message, const PrevoteReply& reply);
  void on(const Message& message, const VoteRequest& request);
  void on(const Message& message, const VoteReply& reply);
  void answer_stale(const Message& message);

  // gate.cc
  void stop_at_gate();

  // append.cc, snapshot.cc: the follower's side
  bool note_leader(const Message& message);
  void on(const Message& message, const Append& append);
  std::optional<Conflict> find_conflict(const Append& append);
  void take_entries(const Append& append);
  void take_entry(const Entry& entry, NodeId from);
  bool follows(NodeId leader, Term term) const;
  void reply_append(NodeId to, Round round, std::optional<Conflict> conflict);
  void quarantine(const Alarm& alarm);
  bool differs(const Point& point) const;
  void on(const Message& message, const Snapshot& snapshot);

  // replication.cc: the leader's side
  void on(const Message& message, const AppendReply& reply);
  void on_conflict(NodeId peer, Progress& progress, const AppendReply& reply);
  void count_undurable(Progress& progress);
  void suspect(NodeId peer, Progress& progress, const Conflict& conflict);
  Seq next_after(const Conflict& conflict) const;
  void begin_round();
  void probe_from_floor(Progress& progress);
  void send_heartbeat(NodeId peer, Progress& progress);
  bool replicate(NodeId peer, Progress& progress);
  void send_snapshot(NodeId peer, Progress& progress);
  bool is_late(NodeId peer, const Progress& progress) const;
  Seq reached_without(NodeId peer) const;
  void send_append(NodeId peer, Progress& progress, const Point& prev, Seq last);
  void ship();
  Point append_own(Entry entry);

  // commit.cc
  void maybe_commit();
  void commit_to(Seq seq);

  // lease.cc
  void note_quorum();
  void check_disk();
  void tick_leader();
  bool is_spoken_to() const;

  // read_index.cc
  bool may_read() const;
  tl::expected<void, Refusal> forward_read(ReadId id);
  void prove_reads(Round round);
  void finish_read(const WaitingRead& read, std::optional<Seq> seq);
  void refuse_reads();
  void expire_forwarded();
  void on(const Message& message, const ReadRequest& request);
  void on(const Message& message, const ReadReply& reply);

  // transfer.cc, membership.cc
  void continue_transfer();
  std::optional<NodeId> best_successor() const;
  void on(const Message& message, const TimeoutNow& request);
  void sync_peers();
  bool hears_majority(const Config& config) const;
  tl::expected<Config, Refusal> changed_config(const ConfigChange& change) const;

  // core.cc
  void send(NodeId to, Body body);
  void watch(LogWrite& write);
  void change_hard_state(Term term, NodeId voted_for);
  void claim_committed();
  void note_durable_position();
  Seq durable_commit() const;
  void note_commit_hint();
  Position position_to_beat() const;

  struct Transfer {
    NodeId target = kNoNode;
    Instant begun;
    bool is_told = false;
  };
  struct Forwarded {
    ReadId id = 0;
    Instant begun;
  };

  // Fixed after construction.
  const NodeId id_;
  const Settings settings_;

  Random random_;
  Instant now_;
  Instant boot_;

  // Persistent: see Ready::hard_state.
  HardState hard_;
  std::uint64_t saved_version_ = 0;
  std::uint64_t handed_version_ = 0;
  std::uint64_t vote_version_ =
      0;  // the last with another term, vote or claim: messages wait for it
  Instant hint_handed_;
  LogView log_;
  ConfigHistory configs_;
  std::optional<Install> install_;
  std::uint64_t writes_ = 0;  // handed out
  DiskWatch disk_watch_;

  Role role_ = Role::kFollower;
  NodeId leader_ = kNoNode;
  Seq commit_ = 0;
  Seq safe_floor_ = 0;  // as a leader said
  Seq applied_ = 0;
  Seq handed_commit_ = 0;  // the last that a Ready told to apply
  Seq durable_ = 0;        // of the log as it is now
  Seq matched_ = 0;        // of the leader's log, in this term
  Round heard_round_ = 0;  // the leader's last

  // Elections.
  Instant election_begun_;
  std::uint64_t election_timeout_us_ = 0;
  std::optional<Instant> promised_;  // rule L4: to the leader, since then
  std::map<NodeId, bool> votes_;     // a yes stays one; who said no is asked again
  Instant asked_;
  Term campaign_token_ = 0;     // see VoteRequest::transfer_token
  bool is_gate_open_ = true;    // see set_may_campaign()
  bool waits_at_gate_ = false;  // the leader was silent for long enough

  // A leader's; emptied when it steps down.
  std::map<NodeId, Progress> peers_;
  Rounds rounds_;
  Round quorum_round_ = 0;  // the last that a majority echoed
  Instant quorum_contact_;  // when it began
  std::optional<Instant> lease_begun_;
  bool is_lease_void_ = false;  // rule L5: for the rest of the term
  Instant heartbeat_sent_;
  Seq noop_seq_ = 0;
  Seq promised_seq_ = 0;  // see promise()
  std::uint64_t uncommitted_bytes_ = 0;
  std::uint64_t grown_bytes_ = 0;  // of all terms; see Pace
  Instant moved_;  // the commit last, or when a record came that nothing waited before
  std::optional<Transfer> transfer_;
  ReadQueue reads_;

  // A follower's reads that the leader was asked about, by nonce. Nonces start at a random number,
  // so that an answer to an earlier incarnation's question is not taken for this one's.
  std::map<std::uint64_t, Forwarded> forwarded_;
  std::uint64_t next_nonce_;

  Outbox outbox_;
  std::vector<ReadResult> read_results_;
  std::optional<Alarm> alarm_;
  RoleChange told_role_;
};

}  // namespace kv::raft
