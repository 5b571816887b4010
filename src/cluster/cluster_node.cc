#include "cluster/cluster_node.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cluster/peer_list.h"
#include "cluster/replica_host.h"
#include "engine/data_directory.h"
#include "engine/incoming.h"
#include "engine/store_impl.h"
#include "format/identity.h"
#include "format/names.h"
#include "io/file_system.h"
#include "node/hard_state_file.h"
#include "node/members_file.h"

namespace kv::cluster {

// In the order in which they are made; the store's threads call the host.
struct ClusterNode::State {
  std::unique_ptr<node::HardStateFile> hard_state;
  std::unique_ptr<node::MembersFile> members;
  std::unique_ptr<ReplicaHost> host;
  StoreImpl* impl = nullptr;
  std::optional<Store> store;
  std::chrono::microseconds election{0};

  Result<void> start(std::unique_ptr<engine::DataDirectory> dir, Settings settings);
};

namespace {

Error mismatch(std::string text) { return {Errc::kInvalidArgument, std::move(text), {}}; }

std::vector<std::uint64_t> ids_of(const format::Membership& membership) {
  std::vector<std::uint64_t> ids;
  for (const format::Member& member : membership.members) ids.push_back(member.node_id);
  return ids;
}

// Null: a member of that number has another disk, or there is none.
const format::Member* find_self(const format::Membership& membership,
                                const format::Identity& identity) {
  const auto& members = membership.members;
  const auto found = std::ranges::find(members, identity.node_id, &format::Member::node_id);
  if (found == members.end()) return nullptr;
  const bool is_its = found->node_uuid.is_nil() || found->node_uuid == identity.node_uuid;
  return is_its ? &*found : nullptr;
}

// As --peers takes it.
std::string text_of(const format::Membership& membership) {
  std::string out;
  for (const format::Member& member : membership.members) {
    const std::string& peer = member.peer_address;
    out += fmt::format("{}{}={}/{}", out.empty() ? "" : ",", member.node_id, member.client_address,
                       peer.substr(peer.rfind(':') + 1));
  }
  return out;
}

// Both count when a cluster is made. Later they stand in unit files, so that nothing is refused;
// but who changes them there is to know that nothing comes of it.
void warn_of_what_does_not_count(const ClusterNode::Settings& settings,
                                 const node::MembersFile& members,
                                 const format::Identity& identity) {
  const auto& known = members.membership();
  const auto& asked = settings.members;
  if (!asked.members.empty() && text_of(asked) != text_of(known)) {
    settings.warn(
        "peers not counted",
        fmt::format("asked={} members={} action=\"the members stand in the log since they "
                    "were changed: leave --peers out; kv cluster add and remove change "
                    "them\"",
                    text_of(asked), text_of(known)));
  }
  const auto is_of = [&](const format::Membership& list) {
    return cluster_id_of(list, settings.cluster_name) == identity.cluster_id;
  };
  if (!settings.is_cluster_name_given || is_of(known) || is_of(asked)) return;
  settings.warn(
      "cluster name not counted",
      fmt::format("asked={} cluster={} action=\"a name counts when a cluster is made, and "
                  "this one was made with another, or other peers: leave --cluster-name "
                  "out\"",
                  settings.cluster_name, base::to_hex(identity.cluster_id)));
}

// What is asked for, held against what the directory is.
Result<void> check(const ClusterNode::Settings& settings, const engine::DataDirectory& dir,
                   bool is_joined) {
  const format::Identity& identity = dir.identity();
  if (is_joined && settings.node_id != 0 && settings.node_id != identity.node_id) {
    return tl::unexpected(
        mismatch(fmt::format("{} is node {} of its cluster, not node {}", settings.directory,
                             identity.node_id, settings.node_id)));
  }
  if (is_joined && settings.join && settings.join->cluster_id != identity.cluster_id) {
    return tl::unexpected(mismatch(
        fmt::format("{} is of another cluster than the servers of --join", settings.directory)));
  }
  if (is_joined || settings.join) return {};
  const auto ids = ids_of(settings.members);
  if (std::ranges::find(ids, settings.node_id) == ids.end()) {
    return tl::unexpected(
        mismatch(fmt::format("node {} is not among the peers", settings.node_id)));
  }
  return {};
}

Result<std::unique_ptr<node::MembersFile>> open_members(const ClusterNode::Settings& settings,
                                                        engine::DataDirectory& dir,
                                                        bool is_joined) {
  const std::uint64_t hash = format::database_id_hash(dir.identity());
  if (!is_joined && settings.join) {
    // Where it is heard itself, for the next start.
    format::Member self = settings.join->self;
    self.role = format::MemberRole::kLearner;
    self.node_uuid = dir.identity().node_uuid;
    return node::MembersFile::create(dir.fs(), dir.path(), hash,
                                     {settings.join->election_us, {std::move(self)}},
                                     node::MembersFile::Origin::kJoined);
  }
  if (!is_joined) {
    return node::MembersFile::create(dir.fs(), dir.path(), hash, settings.members);
  }
  auto members = node::MembersFile::open(dir.fs(), dir.path(), hash);
  if (!members || settings.members.members.empty()) return members;
  const auto& content = (*members)->content();
  const bool is_as_made = content.config_sequence == 0 && !content.has_joined;
  if (is_as_made && ids_of(settings.members) != ids_of((*members)->membership())) {
    return tl::unexpected(
        mismatch(fmt::format("the peers are not those that {} was made a member with; a list of "
                             "the same numbers may tell new addresses",
                             settings.directory)));
  }
  if (auto moved = (*members)->relocate(settings.members); !moved) {
    return tl::unexpected(std::move(moved).error());
  }
  return members;
}

}  // namespace

std::optional<std::string> client_address_of(const std::string& directory) {
  auto& fs = io::posix_file_system();
  const auto text = io::read_file(fs, directory + "/" + std::string(format::kIdentityName));
  if (!text) return std::nullopt;
  const auto identity = format::decode_identity(*text);
  if (!identity || identity->cluster_id.is_nil()) return std::nullopt;
  const auto members = node::MembersFile::open(fs, directory, format::database_id_hash(*identity));
  if (!members) return std::nullopt;
  const format::Member* const self = find_self((*members)->membership(), *identity);
  return self == nullptr ? std::nullopt : std::optional(self->client_address);
}

std::optional<std::string> lost_file_of(const std::string& directory) {
  auto& fs = io::posix_file_system();
  const auto text = io::read_file(fs, directory + "/" + std::string(format::kIdentityName));
  if (!text) return std::nullopt;
  const auto identity = format::decode_identity(*text);
  if (!identity || identity->cluster_id.is_nil()) return std::nullopt;
  std::string lost;
  const std::string promises = directory + "/" + std::string(format::kHardStateName);
  const auto is_there = fs.exists(promises);
  if (is_there && !*is_there) lost = promises + ": missing; it says what the node has promised";
  const auto members = node::MembersFile::open(fs, directory, format::database_id_hash(*identity));
  if (!members && members.error().code == Errc::kCorruption) lost = describe(members.error());
  if (lost.empty()) return std::nullopt;
  return fmt::format(
      "{}. Without it node {} cannot start, and it must not make one up. While a majority of the "
      "other members is there they have all that it had: `kv cluster remove {}` at one of them, "
      "start this one with an empty directory, --node-id {} and --join, and `kv cluster add` it. "
      "Else put the file back from a copy of this very directory, or `kv salvage {} NEWDIR` makes "
      "a "
      "database of a server alone out of it",
      lost, identity->node_id, identity->node_id, identity->node_id, directory);
}

Result<std::unique_ptr<ClusterNode>> ClusterNode::open(Settings settings) {
  auto dir = engine::DataDirectory::open(io::posix_file_system(), settings.directory,
                                         settings.store.holder, settings.store.create_if_missing,
                                         settings.store.listener);
  if (!dir) return tl::unexpected(std::move(dir).error());
  const bool is_joined = !(*dir)->identity().cluster_id.is_nil();
  if (!is_joined && !(*dir)->manifest().state().segments.empty()) {
    return tl::unexpected(
        mismatch(fmt::format("{} holds the database of a server alone; `kv export` from it and "
                             "`kv import` into the cluster, whose members begin empty",
                             settings.directory)));
  }
  if (auto checked = check(settings, **dir, is_joined); !checked) {
    return tl::unexpected(std::move(checked).error());
  }

  auto state = std::make_unique<State>();
  auto hard_state = node::HardStateFile::open(
      (*dir)->fs(), settings.directory, format::database_id_hash((*dir)->identity()),
      is_joined ? node::Memory::kMustExist : node::Memory::kMayBeNew);
  if (!hard_state) return tl::unexpected(std::move(hard_state).error());
  state->hard_state = std::move(*hard_state);
  auto members = open_members(settings, **dir, is_joined);
  if (!members) return tl::unexpected(std::move(members).error());
  state->members = std::move(*members);
  if (is_joined) {
    warn_of_what_does_not_count(settings, *state->members, (*dir)->identity());
  } else {
    const auto cluster_id = settings.join ? settings.join->cluster_id
                                          : cluster_id_of(settings.members, settings.cluster_name);
    if (auto joined = (*dir)->join_cluster(cluster_id, settings.node_id); !joined) {
      return tl::unexpected(std::move(joined).error());
    }
  }
  if (auto started = state->start(std::move(*dir), std::move(settings)); !started) {
    return tl::unexpected(std::move(started).error());
  }
  return std::unique_ptr<ClusterNode>(new ClusterNode(std::move(state)));
}

Result<void> ClusterNode::State::start(std::unique_ptr<engine::DataDirectory> dir,
                                       Settings settings) {
  const format::Identity& identity = dir->identity();
  // Files of a state from before it was added do not name a node that waits.
  const format::Member* const known = find_self(members->membership(), identity);
  const format::Member* const self =
      known == nullptr && settings.join ? &settings.join->self : known;
  if (self == nullptr) {
    return tl::unexpected(mismatch(
        fmt::format("{} is none of its cluster's members: if it waits to be added, --join and "
                    "--listen say where it is heard; if it was removed, `kv cluster add` takes a "
                    "node with an empty directory",
                    settings.directory)));
  }
  ReplicaHost::Options options;
  options.cluster_id = identity.cluster_id;
  options.node_uuid = identity.node_uuid;
  options.node_id = identity.node_id;
  options.listen = self->peer_address;
  options.client_address = self->client_address;
  options.etcd = std::move(settings.etcd);
  options.log_retention = settings.log_retention;
  options.catch_up_rate = settings.catch_up_rate;
  options.compare_seconds = settings.compare_seconds;
  options.has_lease_reads = settings.has_lease_reads;
  options.is_insecure = settings.is_insecure;
  options.on_failure = std::move(settings.on_failure);
  options.on_replaced = std::move(settings.on_replaced);
  options.log = std::move(settings.log);
  host = std::make_unique<ReplicaHost>(std::move(options));
  if (auto bound = host->bind(); !bound) {
    if (bound.error().code == Errc::kIo)
      bound.error().context += ", where --peers or --peer-port has other members find this node";
    return bound;
  }

  const Replicated replicated{
      hard_state->state().commit_hint, [host = host.get()] { host->news(); },
      [file = hard_state.get()](std::uint64_t term, std::uint64_t sequence) {
        return node::Replica::claim(*file, {term, sequence});
      },
      [host = host.get()] { return host->may_ack_local(); }};
  auto opened = StoreImpl::open(std::move(dir), settings.store, Background::kThreads, replicated);
  if (!opened) return tl::unexpected(std::move(opened).error());
  impl = opened->get();
  store.emplace(StoreImpl::wrap(std::move(*opened)));
  election = std::chrono::microseconds(members->membership().election_us);  // the host has them now
  host->start({*impl, *hard_state, *members});
  return {};
}

ClusterNode::ClusterNode(std::unique_ptr<State> state) : state_(std::move(state)) {}

ClusterNode::~ClusterNode() {
  if (state_->store) [[maybe_unused]]
    const auto closed = close();
}

Store& ClusterNode::store() { return *state_->store; }

server::ClusterMember& ClusterNode::member() { return *state_->host; }

void ClusterNode::step_down() {
  ReplicaHost& host = *state_->host;
  const auto wait_while = [](const auto& condition, std::chrono::microseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (condition() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  // In a rolling restart all others may have just begun. Clients are served meanwhile.
  wait_while([&host] { return host.should_wait_to_transfer(); }, 2 * state_->election);
  const auto is_leader = [&host] { return host.status().role == "leader"; };
  if (!is_leader() || !host.transfer(0)) return;
  wait_while(is_leader, state_->election);
}

Result<void> ClusterNode::close() {
  state_->host->stop();
  auto closed = state_->store->close();
  if (const auto& state = state_->host->replacement(); state && closed) {
    closed = engine::replace_state(state_->impl->directory(), *state);
  }
  state_->store.reset();
  return closed;
}

}  // namespace kv::cluster
