#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "etcd/request.h"

namespace kv::etcd {

// Who of a cluster's nodes may campaign is said by a key in etcd: a node that wants to lead takes
// the key under a lease of its own and campaigns while it has it. A leader keeps it and writes
// there what it leads.
//
// That places and publishes leadership, and no more: votes alone elect. So nothing here is relied
// upon, and whatever etcd does costs time at most. It never keeps a cluster from electing for
// longer than Options::limit: whoever got no answer for so long, or has known of no leader for so
// long, campaigns without the key.
//
// A key that names a node and was not put there by it is a person's wish that this node leads. The
// leader hands over; the node takes the key under its own lease when it leads, or wants to.
//
// Decides, and does nothing: it has no clock and no socket. Call note() when something changed and
// a few times per heartbeat, then send what next() wants; one request at a time. Threads: one.
class Gate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  enum class Policy : std::uint8_t {
    kFailsafe,  // a leader that loses its key leads on, as long as a majority follows it
    kStrict,    // it hands over
  };
  struct Options {
    std::uint64_t node_id = 0;
    std::string address;  // for clients
    std::chrono::seconds ttl{3};
    Policy policy = Policy::kFailsafe;
    Duration limit{30'000};
  };
  // What raft says of this node.
  struct Node {
    bool leads = false;
    bool serves = false;           // it leads, and its first record is committed
    bool is_transferring = false;  // it leads, and is about to hand over
    bool wants_to_lead = false;
    bool is_refused = false;   // it campaigns, and too many say no
    std::uint64_t leader = 0;  // 0: none is known
    std::uint64_t term = 0;
    std::uint64_t commit = 0;
    Duration election{0};  // the shortest silence of a leader after which another is elected
  };

  Gate(Options options, Time now);

  void note(const Node& node, Time now);
  // What to ask now; none: nothing, or a request is under way.
  std::optional<Request> next(Time now);
  // How that ended. Replies to other requests than the last one are ignored.
  void done(const Reply& reply, Time now);

  bool may_campaign() const { return (holds() && !is_yielding_) || is_free_; }
  // The key is this node's, as far as it knows.
  bool holds() const;
  // A leader should hand over to that node, once it can take over; 0: to any.
  std::optional<std::uint64_t> hand_over_to(Time now) const;
  // That was tried: not again for a while.
  void handed_over(Time now) { handed_over_ = now; }

  // For people.
  bool is_reachable() const { return is_reachable_; }  // the last request was answered
  bool has_asked() const {
    return requests_ > 1 || (requests_ == 1 && !asked_);
  }                                          // ever, to an end
  bool is_free() const { return is_free_; }  // it would campaign without the key
  std::uint64_t holder() const { return key_ ? key_->claim.node_id : 0; }
  const std::string& cause() const { return cause_; }  // of the last failure

 private:
  struct Lease {
    LeaseId id = 0;
    Time asked;  // when it was granted or kept alive last
    Time end;    // it may be over, as far as this node knows
  };

  void forget_lease(Time now);
  void note_candidate(Time now);
  void yield(Time now);
  void note_rival(Time now);
  bool wants_key() const;
  bool should_release() const;
  bool has_old_key() const;
  std::optional<Request> want(Time now) const;
  Request put() const;
  void on_put(const Request& asked, const Reply& reply, Time now);

  const Options options_;
  Node node_;
  std::optional<Lease> lease_;
  std::optional<Key> key_;  // as it was seen last
  std::optional<Request> asked_;
  Time sent_;
  std::uint64_t requests_ = 0;

  Time answered_;  // last
  Time look_due_;
  Time retry_due_;
  bool is_reachable_ = false;
  std::string cause_;

  Time led_;  // when a leader was known last
  bool is_free_ = false;
  std::optional<Time> candidate_since_;  // with the key, and without having won
  std::optional<Time> refused_since_;
  bool is_yielding_ = false;
  Time yields_until_;
  std::uint64_t published_term_ = 0;
  std::optional<Time> lost_;         // a leader's lease ran out by itself
  std::optional<Time> rival_since_;  // a leader sees a key that is another node's
  Key rival_;
  std::optional<Time> handed_over_;
};

}  // namespace kv::etcd
