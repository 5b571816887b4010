// What a member's log says of its replica.

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cluster/names.h"
#include "cluster/replica_host.h"
#include "format/state_fingerprint.h"

namespace kv::cluster {

// Who leads is always told; that a node would like to only now and then.
void ReplicaHost::on_role(const raft::RoleChange& change) {
  std::string details = fmt::format("role={} term={} leader={}", role_name(change.role),
                                    change.term, number(change.leader));
  if (change.leader == raft::kNoNode) {
    log_.tell(Event::Level::kInfo, "role", std::move(details), std::chrono::steady_clock::now());
  } else if (options_.log) {
    options_.log(Event::Level::kInfo, "role", details);
  }
  const bool is_leader = change.role == raft::Role::kLeader;
  if (std::exchange(was_leader_, is_leader) && !is_leader) {
    for (auto& [node, link] : links_) link->forget_backlog();
  }
}

void ReplicaHost::on_alarm(const raft::Alarm& alarm) {
  const bool has_forgotten = alarm.kind == raft::Alarm::Kind::kPeerForgot;
  log_.tell(Event::Level::kError, "replicas differ",
            fmt::format("what=\"{}\" peer={} seq={} action=\"{}\"", raft::name_of(alarm.kind),
                        number(alarm.peer), alarm.ours.seq,
                        has_forgotten ? "look at that node's disk" : "compare the nodes' data"),
            std::chrono::steady_clock::now());
}

void ReplicaHost::on_unreadable(raft::NodeId peer, raft::Seq seq, const Error& error) {
  log_.tell(Event::Level::kError, "record not sent",
            fmt::format("node={} seq={} cause=\"{}\" action=\"another member that has it takes the "
                        "lead, if there is one; look at the disk\"",
                        number(peer), seq, describe(error)),
            std::chrono::steady_clock::now());
}

void ReplicaHost::on_base(const node::BaseNews& news) {
  using Kind = node::BaseNews::Kind;
  const auto tell = [&](Event::Level level, std::string_view name, const std::string& more) {
    log_.tell(level, name,
              fmt::format("node={} seq={} files={} bytes={} {}", number(news.peer), news.seq,
                          news.files, news.bytes, more),
              std::chrono::steady_clock::now());
  };
  const std::string broken = fmt::format("bytes_done={} cause=\"{}\"", news.bytes_done, news.cause);
  switch (news.kind) {
    case Kind::kSending:
      return tell(Event::Level::kInfo, "sending state",
                  "cause=\"its log ends before what was merged here\"");
    case Kind::kSent:
      return tell(Event::Level::kInfo, "state sent", fmt::format("bytes_done={}", news.bytes_done));
    case Kind::kNotSent:
      return tell(Event::Level::kWarning, "state not sent",
                  broken + " action=\"sent again if it is still needed\"");
    case Kind::kReceiving:
      return tell(Event::Level::kInfo, "receiving state",
                  "cause=\"this log ends before what was merged there\"");
    case Kind::kReceived:
      return tell(Event::Level::kWarning, "state received",
                  "action=\"it takes the place of what this node had\"");
    case Kind::kNotReceived:
      return tell(Event::Level::kWarning, "state not received",
                  broken + " action=\"what this node has stays; it is sent again if needed\"");
  }
}

void ReplicaHost::on_repair(const node::RepairNews& news) {
  const auto now = std::chrono::steady_clock::now();
  if (news.put_back > 0) {
    log_.tell(Event::Level::kWarning, "records put back",
              fmt::format("records={} bytes={} segment={} cause=\"they were damaged here, and came "
                          "from other members\" action=\"look at the disk\"",
                          news.put_back, news.bytes, news.segment),
              now);
  }
  if (news.left == 0) return;
  log_.tell(Event::Level::kError, "damaged records stay",
            fmt::format("records={} segment={} offset={} cause=\"{}\" action=\"tried again within "
                        "ten minutes; start the members that are missing; kv verify tells the "
                        "keys: restore them from a backup, or write them again\"",
                        news.left, news.left_segment, news.left_offset, news.cause),
            now);
}

void ReplicaHost::on_comparison(const node::ComparisonNews& news) {
  using Kind = node::ComparisonNews::Kind;
  const auto tell = [&](Event::Level level, std::string_view name, const std::string& more) {
    log_.tell(level, name, fmt::format("seq={} keys={} {}", news.seq, news.keys, more),
              std::chrono::steady_clock::now());
  };
  const std::string difference =
      fmt::format("buckets={} of {}", news.buckets, format::StateFingerprint::kBuckets);
  switch (news.kind) {
    case Kind::kSame:
      return tell(Event::Level::kInfo, "states are the same",
                  fmt::format("members={}", news.members));
    case Kind::kPeerDiffers:
      return tell(Event::Level::kError, "states differ",
                  fmt::format("node={} {} action=\"that node begins anew; look at its disk\"",
                              number(news.peer), difference));
    case Kind::kPeerIsNeeded:
      return tell(Event::Level::kError, "states differ",
                  fmt::format("node={} {} cause=\"the others are no majority without it, or this "
                              "node lost records\" action=\"that node begins anew later; start "
                              "those that are missing, or let another one lead\"",
                              number(news.peer), difference));
    case Kind::kSelfDiffers:
      return tell(Event::Level::kError, "states differ",
                  fmt::format("node={} {} action=\"this node hands over, and begins anew\"",
                              options_.node_id, difference));
    case Kind::kUndecided:
      return tell(Event::Level::kError, "states differ",
                  "cause=\"no majority holds the same\" action=\"compare `kv export` of all "
                  "members; a backup may tell which one is right\"");
    case Kind::kUnreadable:
      return tell(
          Event::Level::kWarning, "state not compared",
          fmt::format("cause=\"{}\" action=\"`kv verify` tells what is damaged\"", news.cause));
    case Kind::kMayLack:
      return tell(Event::Level::kError, "state may lack keys",
                  fmt::format("cause=\"{}\" action=\"this node begins anew when a majority of the "
                              "others holds the same; look at its disk\"",
                              news.cause));
    case Kind::kBeginsAnew:
      return tell(Event::Level::kError, "state given up",
                  fmt::format("leader={} {} cause=\"a majority holds something else\" "
                              "action=\"gets it from the leader; look at this disk\"",
                              number(news.peer), difference));
  }
}

void ReplicaHost::on_peer_fault(std::string_view address, std::string_view cause) {
  log_.tell(Event::Level::kWarning, "peer refused",
            fmt::format("address={} cause=\"{}\"", address, cause),
            std::chrono::steady_clock::now());
}

}  // namespace kv::cluster
