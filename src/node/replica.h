#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/log_reader.h"
#include "engine/store_impl.h"
#include "format/membership.h"
#include "node/base_receiver.h"
#include "node/base_sender.h"
#include "node/hard_state_file.h"
#include "node/members_file.h"
#include "node/membership_log.h"
#include "node/repair.h"
#include "node/replica_listener.h"
#include "node/state_comparison.h"
#include "peer/envelope.h"
#include "peer/hello.h"
#include "peer/message.h"
#include "raft/core.h"

namespace kv::node {

// One step of one member: see raft::ConfigChange.
struct MemberChange {
  raft::ConfigChange::Kind kind = raft::ConfigChange::Kind::kAddLearner;
  format::Member member;  // to promote or remove: only its number counts
  bool is_forced = false;
};

// One node of a cluster: the raft core driven by, and driving, a store whose log is replicated.
//
// A leader's writes go the store's own way, from many threads at once; what they became is told to
// the core once it is written (and so the core's log is never ahead of the file). A follower's come
// in messages, whose bytes are kept until they are on the disk. Everything else is what a Ready
// says, in its order.
//
// A member that needs records from below the log's floor gets the state as files instead. Once it
// has all of them this object does nothing any more: replacement() says what the store has to hold,
// and the node is opened again with that (engine::replace_state), as after a restart.
//
// Errors: what a failed write or sync of log or hard state leaves is not known, so after one the
// replica does nothing any more, failure() says why, and the process ends (rule D3). So it does
// when what the core asks of the log cannot be read. A full disk is none: the records wait here
// until there is room. Nor is a record whose key or value are damaged, and that a peer lacks: who
// has it as well is handed the lead.
//
// Threads: one at a time; the store's own go on beside it. on_log_news of the store's pipeline asks
// for a call of work(). After a crash: a replica is made anew from the store and the hard state.
class Replica : private raft::Log {
 public:
  struct Parts {
    StoreImpl& store;
    HardStateFile& hard_state;
    MembersFile& members;
    ReplicaListener& listener;
    // Bytes of log that are kept for members that come back, even if all have them.
    std::uint64_t log_retention = std::uint64_t{1} << 30;
    // From one comparison of what the members hold to the next; 0: only when asked for.
    std::uint64_t compare_us = 600'000'000;
  };
  // `self`: number and disk. `seed`: another one at each start.
  Replica(const Parts& parts, Self self, raft::Settings settings, std::uint64_t seed,
          const raft::Instant& now);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;
  ~Replica() override = default;

  // What damage took from the log's end, to be remembered before a recovery changes what proves it:
  // see Replicated::on_lost. Nobody gets this node's vote who has less.
  static Result<void> claim(HardStateFile& file, const raft::Position& lost);

  // Each with what the clocks say: see raft::Core.
  void work(const raft::Instant& now);
  void receive(const peer::Received& received, const raft::Instant& now);
  // Of an APPEND that is not whole yet; may be called for every byte of it.
  void receive_part(const peer::Envelope& envelope, const raft::Instant& now);
  void receive(const peer::SnapshotFrame& frame, const raft::Instant& now);
  void receive(const peer::RecordFrame& frame, const raft::Instant& now);
  void receive(const peer::FingerprintFrame& frame, const raft::Instant& now);
  // on_read() tells how it ended.
  tl::expected<void, raft::Refusal> read_index(raft::ReadId id, const raft::Instant& now);
  // What the store has to have for a read on this leader's word; see raft::Core::lease_read.
  std::optional<raft::Seq> lease_read(const raft::Instant& now);
  tl::expected<void, raft::Refusal> transfer(raft::NodeId target, const raft::Instant& now);
  // Of a leader. It is in force as soon as it is in the log, and taken back with it; once it is
  // committed, memberships() from core().commit() on are that one or later ones. A learner that has
  // caught up is promoted without being asked for (rule M4). kConfigPending: one at a time.
  tl::expected<void, raft::Refusal> change_members(const MemberChange& change,
                                                   const raft::Instant& now);

  tl::expected<void, raft::Refusal> campaign(const raft::Instant& now);
  // See raft::Core.
  void set_may_campaign(bool may_campaign) { core_->set_may_campaign(may_campaign); }
  // Of a leader that serves: all members compare what they hold as of now. The sequence of the
  // record at which they do, which may still be taken back. kNotReady: the disk has no room.
  tl::expected<raft::Seq, raft::Refusal> compare(const raft::Instant& now);
  const StateComparison& comparison() const { return comparison_; }

  const raft::Core& core() const { return *core_; }
  // Who the members are, from the newest committed or an earlier record on. Disks that are known to
  // this node alone are told by MEMBERS.
  const MembershipLog& memberships() const { return *memberships_; }
  // The latest, with all the disks that this node knows of.
  format::Membership known_membership() const;
  // What is committed or in the log says that this disk is a member.
  bool is_member() const;
  // The other members by what is in the log from the newest committed configuration on: one that is
  // about to be removed may still be needed. Of a node that is no member: where the others were.
  std::map<raft::NodeId, format::Member> neighbours() const;
  enum class Standing {
    kMember,
    kReplaced,  // the member of that number has another disk
    kStranger,  // there is none, or not any more
  };
  // What that disk is to this node: whoever is no member itself knows nobody, and hears everybody.
  // A disk of which nobody knew is written down first; the error: it could not be.
  Result<Standing> standing_of(raft::NodeId node, const base::Uuid& uuid);
  // The same of one that says hello. This node may not know of the last changes, so it lets in who
  // knows of more: who was removed by a change that is known here can not. It is a neighbour from
  // then on, until another configuration is known to be committed.
  Result<Standing> admit(const peer::Hello& hello);
  // A neighbour, or one that MEMBERS knows; null: nobody knows it.
  const format::Member* find_member(raft::NodeId node) const;
  // The store has all that is committed up to here.
  raft::Seq applied() const;
  // What a merge kept, here in an earlier life or where a state came from, may lack what was
  // overwritten by records that this node has, but does not know to be committed any more. So what
  // a store has is what a log makes of it only once all is applied that a leader told of in this
  // life of the process (rule R7); from then on for good.
  bool is_whole() const { return whole_from_ && *whole_from_ <= applied(); }
  const Repair& repair() const { return repair_; }
  // Of a record of the log that is committed; none: the log begins behind it. The error: it cannot
  // be read.
  Result<std::optional<raft::Term>> term_of(raft::Seq seq) const;
  // Records above it are there as a log.
  raft::Seq floor_sequence() const { return floor_.seq; }
  // The record that is committed last, as far as this node knows.
  raft::Point committed() const { return point_at(pipeline().committed_sequence()); }
  const std::optional<Error>& failure() const { return failure_; }
  const std::optional<format::ManifestState>& replacement() const { return replacement_; }
  // Nothing is done any more, for one of these two reasons.
  bool is_over() const { return failure_ || replacement_; }
  // Which share of a state that member has; and this node. None: nothing is under way.
  std::optional<double> sent_share(raft::NodeId peer) const { return sender_.share(peer); }
  std::optional<double> received_share() const { return receiver_.share(); }
  // Nothing is called any more: gives up what it holds of the store, which may end before it.
  void let_go() { comparison_.let_go(); }
  // Why this node takes no writes, with the fields of the reply that a client gets.
  Error not_leading() const;
  // Why nobody leads here as far as those know who connect the members: for clients; empty: they
  // know nothing. why_left_out(): of a node that was removed, or came back with an empty disk.
  void set_obstacle(std::string obstacle);
  std::string why_left_out() const;
  // That came to the log in this life of the process, those that were rolled back, too.
  std::uint64_t bytes_appended() const { return bytes_appended_; }

 private:
  // The core asks of its log what there has to be; there is no answer but this one. Whoever called
  // the core makes failure() of it, and nothing that the core did meanwhile gets out.
  class UnreadableLog final : public std::exception {
   public:
    explicit UnreadableLog(Error error) : error_(std::move(error)) {}
    const Error& error() const { return error_; }
    const char* what() const noexcept override { return "the log cannot be read"; }

   private:
    Error error_;
  };

  // A record on its way to the disk.
  struct Held {
    format::RecordHeader header;
    std::string_view body;
    std::shared_ptr<const void> owner;
  };

  // raft::Log
  raft::Point floor() const override;
  raft::Point last() const override;
  raft::Point point_at(raft::Seq seq) const override;
  raft::Seq term_start(raft::Seq seq) const override;
  raft::Extent extent(raft::Seq first, raft::Seq last, std::uint64_t bytes_max) const override;
  std::uint64_t extend_chain(std::uint64_t chain, const raft::Entry& entry) const override;

  engine::CommitPipeline& pipeline() const { return parts_.store.pipeline(); }
  void tick(const raft::Instant& now);
  void process();
  bool do_once();
  void note_promises();
  void prepare_hand_over();
  void give_up_replies(const raft::Instant& now);
  void propose_written();
  void stop_leading();
  void roll_back(raft::Seq first);
  void append(const raft::Ready& ready);
  Held held_of(const raft::Entry& entry) const;
  void write_held();
  void note_progress();
  void send(const raft::Message& message);
  Result<std::vector<peer::SentRecord>> records_of(raft::Append& append) const;
  void note_unreadable(raft::NodeId peer, raft::Seq seq, const Error& error);
  void give_way(const raft::Instant& now, bool looks_at_space);
  std::optional<raft::NodeId> next_successor(raft::Seq needed) const;
  void tell(raft::Ready& ready);
  std::string why_nobody_leads() const;
  void raise_floor(const raft::Instant& now);
  raft::Seq floor_without_absent(const raft::Instant& now);
  bool replace(const raft::Ready& ready);
  Result<bool> take_base(const BaseReceiver::Arrived& state);
  void compare_states(const raft::Instant& now);
  bool can_serve() const;
  void begin_anew();
  void fail(Error error);
  void make_core(const raft::Settings& settings, std::uint64_t seed);

  // replica_members.cc
  struct Change {
    raft::ConfigChange step;
    format::Membership membership;
    raft::Seq sequence = 0;  // of its record, which is in the store's log and not yet in the core's
  };
  void read_memberships();
  raft::Seq committed_config() const;
  raft::Message as_self_counts(const raft::Message& message) const;
  tl::expected<raft::Point, raft::Refusal> propose(const format::RecordHeader& header);
  void take_membership(const Held& held);
  void promote_learners(const raft::Instant& now);
  void note_members(bool is_due);
  bool write_members();

  const Parts parts_;
  const Self self_;
  raft::Instant now_;
  mutable engine::LogReader reader_;
  std::optional<MembershipLog> memberships_;
  std::optional<Change> change_;
  struct Guest {
    format::Member member;
    raft::Seq known = 0;  // the newest committed configuration, when it was let in
  };
  bool is_valid(const Guest& guest) const;
  std::map<raft::NodeId, Guest> guests_;
  bool has_news_of_members_ = false;
  std::uint64_t noted_bytes_ = 0;  // of the log, when MEMBERS was written last
  bool has_no_room_ = false;       // for it, at the last attempt
  std::optional<raft::Core> core_;
  raft::Point floor_;
  std::optional<raft::Instant> looked_at_floor_;
  raft::Term led_term_ = 0;  // and since when that is known
  raft::Instant led_since_;
  raft::Seq agreed_ = 0;                    // the store's log is the core's up to here
  raft::Term leading_ = 0;                  // the store takes writes, in that term; 0: it does not
  std::optional<raft::Instant> led_until_;  // and writers may still wait for what was not committed
  std::map<raft::Seq, Held> received_;      // of messages that the core is looking at
  std::deque<Held> held_;                   // in the log, and not known to be on the disk
  std::deque<raft::LogWrite> writes_;       // of which the core waits to hear
  raft::Seq told_applied_ = 0;
  std::optional<raft::Seq> whole_from_;  // a read that a leader confirmed needs that much
  std::uint64_t bytes_appended_ = 0;
  std::optional<raft::Instant> heard_part_;
  std::optional<raft::Seq> unreadable_;  // a peer lacks it, and its bytes are not as they were
  struct GaveWay {
    raft::Instant at;
    std::uint64_t pause_us = 0;  // until the next
    raft::NodeId to{};
  };
  std::optional<GaveWay> gave_way_;
  std::string obstacle_;
  BaseSender sender_;
  BaseReceiver receiver_;
  Repair repair_;
  StateComparison comparison_;
  const format::ManifestState* offered_ = nullptr;  // while the core decides on it
  std::optional<format::ManifestState> replacement_;
  std::optional<Error> failure_;
};

}  // namespace kv::node
