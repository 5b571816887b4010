#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"

namespace kv::cli {

// What a member of a cluster says of itself and the others: STATS fmt=json section=replication.
struct MemberReport {
  struct Peer {
    std::uint64_t node_id = 0;
    std::string address;
    std::string peer_address = {};
    bool is_connected = false;  // the member's connection to it
    bool is_learner = false;    // it gets the log, and has no vote yet
    bool has_lag = false;       // the member leads, and knows how far this one is
    std::uint64_t lag_records = 0;
    std::uint64_t lag_bytes = 0;
    double lag_seconds = 0;
  };
  std::string cluster_id;
  std::uint64_t node_id = 0;
  std::string node_uuid;
  std::string role;
  std::uint64_t term = 0;
  std::uint64_t leader = 0;  // whom it takes for that; 0: nobody
  bool is_serving = false;   // leads, and takes writes
  std::uint64_t last = 0;
  std::uint64_t commit = 0;
  std::optional<double> received_share;  // of the state that another member sends it as files
  // Of a leader: the newest version as of which members compared what they hold, and how many of
  // them hold the same.
  std::uint64_t compared = 0;
  std::uint64_t compared_members = 0;
  std::uint64_t members_since = 0;  // sequence of the record that says who they are
  std::uint64_t election_us = 0;
  std::vector<Peer> peers;
  // Who may campaign is said by a key in etcd; none: by nobody.
  struct Placement {
    std::uint64_t holder = 0;   // node id: the key names it; 0: nobody
    bool is_reachable = false;  // etcd answered the member's last question
    bool may_campaign = false;  // the member has the key, or needs none
  };
  std::optional<Placement> placement = {};

  const Peer* peer(std::uint64_t id) const;  // null: it knows no such other member
  bool is_settled() const { return members_since <= commit; }
};

// kProtocol: that is no such page; kInvalidArgument: it is that of a server alone.
Result<MemberReport> parse_member_report(std::string_view json);

// A cluster, put together from what its members say; which address is to be asked next, it knows
// itself. No connection in it. One thread.
class ClusterView {
 public:
  struct Member {
    std::string address;
    std::optional<MemberReport> report;  // nullopt: it cannot be reached
  };

  explicit ClusterView(std::vector<std::string> addresses) : given_(std::move(addresses)) {}

  // An address that was not asked yet and may be that of a member not heard of; nullopt: there is
  // none left. Each is given out once.
  std::optional<std::string> next();
  // kInvalidArgument: that member is of another cluster than those before.
  Result<void> add(const std::string& address, MemberReport report);
  // Nobody answers there.
  void add_silent(const std::string& address, std::string problem);

  const std::map<std::uint64_t, Member>& members() const { return members_; }
  // The one that takes writes, by the newest term; null: nobody does.
  const Member* leader() const;
  // The one that leads by the word of the others, if it is that which did not answer; null: no
  // such.
  struct HiddenLeader {
    std::uint64_t node_id;
    std::string address;
    std::string problem;
    std::string text() const;  // for people
  };
  std::optional<HiddenLeader> hidden_leader() const;
  // How far behind the leader a member is, as the leader tells. nullopt: nobody leads, or it does
  // not know.
  std::optional<MemberReport::Peer> lag_of(std::uint64_t node_id) const;
  // Somebody leads who does not count it among the members: it was removed, or waits to be added.
  bool is_outside(std::uint64_t node_id) const;

  std::string as_table() const;
  std::string as_json() const;  // in one line, its end included

 private:
  std::string role_of(std::uint64_t node_id) const;
  const MemberReport* best_placed() const;
  std::string placement_text() const;

  const std::vector<std::string> given_;
  std::set<std::string> asked_;
  std::map<std::string, std::string> silent_;  // address to the problem
  std::map<std::uint64_t, Member> members_;
  std::string cluster_id_;
};

}  // namespace kv::cli
