#include "cluster/replica_host.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/incoming.h"
#include "engine/store_impl.h"
#include "format/identity.h"
#include "io/file_system.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/engine/support/answer.h"

using kv::Background;
using kv::Errc;
using kv::Result;
using kv::StoreImpl;
using kv::cluster::ReplicaHost;
using kv::test::Answer;

namespace {

const kv::base::Uuid kCluster{7, 7};

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Members of a cluster in one process, each with a directory and a thread of its own.
struct LocalCluster {
  struct Node {
    std::uint64_t id = 0;
    std::string path;
    std::string address;
    std::unique_ptr<kv::node::HardStateFile> hard_state;
    std::unique_ptr<kv::node::MembersFile> members;
    std::unique_ptr<StoreImpl> store;
    std::unique_ptr<ReplicaHost> host;
    std::uint64_t log_retention = 0;
    // Another one's state came: it has to be stopped and started.
    std::shared_ptr<std::atomic<bool>> is_replaced = std::make_shared<std::atomic<bool>>(false);
  };
  kv::test::ScratchDir scratch;
  std::vector<Node> nodes;
  kv::format::Membership members;

  explicit LocalCluster(std::size_t size, std::uint64_t log_retention = 128 * 1024) {
    nodes.resize(size);
    members.election_us = 300'000;
    for (std::size_t i = 0; i < size; ++i) {
      nodes[i].id = i + 1;
      nodes[i].log_retention = log_retention;
      nodes[i].path = scratch.path() + "/node-" + std::to_string(i + 1);
      listen(nodes[i], "127.0.0.1:0");
      kv::format::Member member;
      member.node_id = i + 1;
      member.peer_address = nodes[i].address;
      members.members.push_back(member);
    }
    for (Node& node : nodes) start(node);
  }
  ~LocalCluster() {
    for (Node& node : nodes) stop(node);
  }
  static void listen(Node& node, const std::string& address) {
    ReplicaHost::Options options;
    options.cluster_id = kCluster;
    options.node_uuid = {1, node.id};
    options.node_id = node.id;
    options.listen = address;
    options.log_retention = node.log_retention;
    options.on_replaced = [flag = node.is_replaced] { *flag = true; };
    node.host = std::make_unique<ReplicaHost>(options);
    const auto bound = node.host->bind();
    REQUIRE_MESSAGE(bound.has_value(), describe(bound.error()));
    node.address = node.host->address();
  }
  void start(Node& node) const {
    auto& fs = kv::io::posix_file_system();
    auto dir = kv::engine::DataDirectory::open(fs, node.path, "test", true, nullptr);
    REQUIRE(dir.has_value());
    auto state = kv::node::HardStateFile::open(fs, node.path,
                                               kv::format::database_id_hash((*dir)->identity()),
                                               kv::node::Memory::kMayBeNew);
    REQUIRE(state.has_value());
    node.hard_state = std::move(*state);
    auto written = kv::node::MembersFile::create(
        fs, node.path, kv::format::database_id_hash((*dir)->identity()), members);
    REQUIRE(written.has_value());
    node.members = std::move(*written);
    kv::Options options;
    options.segment_size_max = 64 * 1024;
    options.scrub_rate = 0;
    const kv::Replicated replicated{
        node.hard_state->state().commit_hint, [host = node.host.get()] { host->news(); },
        [file = node.hard_state.get()](std::uint64_t term, std::uint64_t sequence) {
          return kv::node::Replica::claim(*file, {term, sequence});
        }};
    auto store = StoreImpl::open(std::move(*dir), options, Background::kThreads, replicated);
    REQUIRE_MESSAGE(store.has_value(), describe(store.error()));
    node.store = std::move(*store);
    node.host->start({*node.store, *node.hard_state, *node.members});
  }
  static void stop(Node& node) {
    if (!node.host) return;
    node.host->stop();
    if (node.store) {
      const auto closed = node.store->close();
      if (const auto& state = node.host->replacement(); state && closed) {
        CHECK(kv::engine::replace_state(node.store->directory(), *state).has_value());
      }
    }
    node.store.reset();
    node.hard_state.reset();
    node.host.reset();
  }
  void restart(Node& node) const {
    listen(node, node.address);
    start(node);
  }
  // Once there is one.
  Node& leader() {
    for (;;) {
      for (Node& node : nodes) {
        if (node.host && node.host->status().is_serving) return node;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  static Result<kv::WriteResult> put(Node& node, const std::string& key, const std::string& value) {
    Answer answer;
    node.store->submit(kv::test::put(key, value), answer, {});
    node.store->flush(kv::ReadMode::kNoWait);
    return answer.wait();
  }
  // At whoever leads, as often as it takes.
  void put_somewhere(const std::string& key, const std::string& value) {
    while (!put(leader(), key, value)) {
    }
  }
  static std::string get(Node& node, const std::string& key) {
    const auto value = node.store->get(key, kv::ReadMode::kMayBlock);
    REQUIRE(value.has_value());
    return *value ? (*value)->bytes : "(none)";
  }
  // Of the leader. What is not possible yet is asked for again.
  Result<void> add(std::uint64_t node_id, const kv::base::Uuid& uuid) {
    for (;;) {
      auto done = leader().host->add({node_id, uuid, "127.0.0.1:1", "127.0.0.1:2"});
      const bool is_final = done || done.error().code == Errc::kInvalidArgument;
      if (is_final) return done;
    }
  }
  static Result<void> confirm(Node& node) {
    std::promise<Result<void>> done;
    node.host->confirm_read([&](Result<void> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
};

}  // namespace

TEST_CASE("a write is acknowledged once a majority has it, and every member comes to have it") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  for (auto& node : cluster.nodes) {
    wait_until([&] { return LocalCluster::get(node, "a") == "1"; });
  }
  REQUIRE(LocalCluster::confirm(cluster.leader()).has_value());
  CHECK(LocalCluster::get(cluster.leader(), "a") == "1");
}

TEST_CASE("who does not lead refuses writes and says who does") {
  LocalCluster cluster(3);
  auto& leader = cluster.leader();
  cluster.put_somewhere("a", "1");
  for (auto& node : cluster.nodes) {
    if (node.id == leader.id) continue;
    wait_until([&] { return node.host->status().leader == leader.id; });
    const auto refused = LocalCluster::put(node, "a", "2");
    CHECK(refused.error().code == Errc::kNotLeader);
  }
}

TEST_CASE("when the leader ends another one takes over, with all that was acknowledged") {
  LocalCluster cluster(3);
  for (int i = 0; i < 50; ++i) cluster.put_somewhere("k" + std::to_string(i), "before");
  auto& first = cluster.leader();
  const std::uint64_t first_id = first.id;
  LocalCluster::stop(first);
  for (int i = 25; i < 75; ++i) cluster.put_somewhere("k" + std::to_string(i), "after");
  auto& second = cluster.leader();
  CHECK(second.id != first_id);
  REQUIRE(LocalCluster::confirm(second).has_value());
  CHECK(LocalCluster::get(second, "k0") == "before");
  CHECK(LocalCluster::get(second, "k30") == "after");
  // It comes back and has what it missed.
  cluster.restart(first);
  wait_until([&] { return LocalCluster::get(first, "k74") == "after"; });
  CHECK(LocalCluster::get(first, "k0") == "before");
}

TEST_CASE("leadership is handed over on request") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  const std::uint64_t before = cluster.leader().id;
  const std::uint64_t after = before % 3 + 1;
  while (cluster.leader().id != after) {
    [[maybe_unused]] const auto begun = cluster.leader().host->transfer(after);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  cluster.put_somewhere("a", "2");
  CHECK(LocalCluster::get(cluster.leader(), "a") == "2");
}

TEST_CASE("a node alone leads at once") {
  LocalCluster cluster(1);
  cluster.put_somewhere("a", "1");
  REQUIRE(LocalCluster::confirm(cluster.leader()).has_value());
  CHECK(LocalCluster::get(cluster.leader(), "a") == "1");
}

TEST_CASE("a majority that is gone takes no writes, and its return brings them back") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  auto& leader = cluster.leader();
  std::vector<LocalCluster::Node*> others;
  for (auto& node : cluster.nodes) {
    if (node.id != leader.id) others.push_back(&node);
  }
  for (auto* node : others) LocalCluster::stop(*node);
  wait_until([&] { return !leader.host->status().is_serving; });
  CHECK(LocalCluster::put(leader, "a", "2").error().code == Errc::kNotLeader);
  for (auto* node : others) cluster.restart(*node);
  cluster.put_somewhere("a", "3");
  REQUIRE(LocalCluster::confirm(cluster.leader()).has_value());
  CHECK(LocalCluster::get(cluster.leader(), "a") == "3");
}

TEST_CASE("what every member has is merged, and what one may ask for is not") {
  // Twice as much is kept for a member that is away, so that what is written meanwhile fits.
  LocalCluster cluster(3, 1'500'000);
  cluster.put_somewhere("a", "1");
  auto& leader = cluster.leader();
  auto& away = cluster.nodes[leader.id % 3];
  LocalCluster::stop(away);
  const std::string value(1000, 'x');
  const auto overwrite = [&](const std::string& last) {
    for (int i = 0; i < 2000; ++i) cluster.put_somewhere("k" + std::to_string(i % 10), value);
    cluster.put_somewhere("z", last);
  };
  overwrite("first");
  CHECK(leader.store->stats().disk_bytes > 2'000'000);
  CHECK(leader.store->stats().merge.merges == 0);
  cluster.restart(away);
  wait_until([&] { return LocalCluster::get(away, "z") == "first"; });
  // The merges need a record behind each segment's end, and a moment.
  overwrite("second");
  for (auto& node : cluster.nodes) {
    wait_until([&] { return node.store->stats().disk_bytes < 3'000'000; });
  }
  // Each goes on from there, also after a restart.
  for (auto& node : cluster.nodes) {
    LocalCluster::stop(node);
    cluster.restart(node);
  }
  cluster.put_somewhere("b", "2");
  for (auto& node : cluster.nodes) {
    wait_until([&] { return LocalCluster::get(node, "b") == "2"; });
    CHECK(LocalCluster::get(node, "z") == "second");
    CHECK(LocalCluster::get(node, "k7") == value);
  }
}

TEST_CASE("a member that was away for too long gets the state as files") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  cluster.put_somewhere("gone", "1");
  auto& leader = cluster.leader();
  auto& away = cluster.nodes[leader.id % 3];
  wait_until([&] { return LocalCluster::get(away, "gone") == "1"; });
  const std::uint64_t last = away.store->pipeline().last_sequence();
  LocalCluster::stop(away);
  Answer deleted;
  kv::Write write;
  write.kind = kv::Write::Kind::kDelete;
  write.key = "gone";
  leader.store->submit(write, deleted, {});
  leader.store->flush(kv::ReadMode::kNoWait);
  REQUIRE(deleted.wait().has_value());
  const std::string value(1000, 'x');
  for (int i = 0; leader.host->status().floor <= last; ++i) {
    cluster.put_somewhere("k" + std::to_string(i % 100), value);
  }
  cluster.put_somewhere("z", "last");
  cluster.restart(away);
  wait_until([&] { return away.is_replaced->load(); });
  CHECK(LocalCluster::get(away, "gone") == "1");  // what it had stays until then
  CHECK(away.host->campaign().error().code == Errc::kNotLeader);
  LocalCluster::stop(away);
  cluster.restart(away);
  wait_until([&] { return LocalCluster::get(away, "z") == "last"; });
  CHECK(LocalCluster::get(away, "gone") == "(none)");
  CHECK(LocalCluster::get(away, "a") == "1");
  CHECK(LocalCluster::get(away, "k7") == value);
  // It is a member like any other: with it alone there is a majority.
  auto& third = cluster.nodes[away.id % 3];
  LocalCluster::stop(third.id == leader.id ? cluster.nodes[third.id % 3] : third);
  cluster.put_somewhere("b", "2");
  wait_until([&] { return LocalCluster::get(away, "b") == "2"; });
}

TEST_CASE("a disk that is a member already is not added under another number") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  auto& leader = cluster.leader();
  auto& other = cluster.nodes[leader.id % 3];
  wait_until([&] { return LocalCluster::get(other, "a") == "1"; });
  // The founders' disks are not in the log.
  for (const auto* founder : {&other, &leader}) {
    const auto moved = cluster.add(founder->id, {1, founder->id});
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().context.find("is a member already, which the others look for at ") !=
          std::string::npos);
    const auto twice = cluster.add(9, {1, founder->id});
    REQUIRE_FALSE(twice.has_value());
    CHECK(twice.error().context == "that disk is node " + std::to_string(founder->id) + " already");
  }
  const auto elsewhere = other.host->add({other.id, {1, other.id}, "127.0.0.1:1", "127.0.0.1:2"});
  CHECK(elsewhere.error().code == Errc::kNotLeader);
  const auto taken = cluster.add(other.id, {5, 5});
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().context.find("with another disk; remove that one first") !=
        std::string::npos);
  CHECK(leader.host->status().members_since == 0);
  REQUIRE(cluster.add(9, {5, 5}).has_value());
  CHECK(cluster.add(9, {5, 5}).has_value());
  CHECK(cluster.add(10, {5, 5}).error().context == "that disk is node 9 already");
}

TEST_CASE("more members than a cluster may have are refused with their number") {
  LocalCluster cluster(1);
  for (std::uint64_t id = 2; id <= 64; ++id) {
    CAPTURE(id);
    REQUIRE(cluster.add(id, {5, id}).has_value());
  }
  const auto refused = cluster.add(65, {5, 65});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().context == "a cluster has 64 members at most; remove one first");
  CHECK(cluster.leader().host->remove(65, false).error().context == "no member has number 65");
}

TEST_CASE("who may not ask for votes says why") {
  LocalCluster cluster(3);
  cluster.put_somewhere("a", "1");
  auto& leader = cluster.leader();
  auto& other = cluster.nodes[leader.id % 3];
  auto& third = cluster.nodes[other.id % 3];
  const auto asked_in_vain = [](LocalCluster::Node& node, Errc code, const std::string& why) {
    const auto refused = node.host->campaign();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == code);
    CHECK_MESSAGE(refused.error().context.starts_with(why), refused.error().context);
  };
  asked_in_vain(leader, Errc::kInvalidArgument, "this node leads already");
  wait_until([&] { return other.host->status().leader == leader.id; });
  asked_in_vain(other, Errc::kTryLater,
                "reason=cluster this node hears node " + std::to_string(leader.id));
  LocalCluster::stop(leader);
  LocalCluster::stop(third);
  LocalCluster::stop(other);
  constexpr std::uint64_t kHourUs = 3'600'000'000;
  const std::uint64_t election_us = std::exchange(cluster.members.election_us, kHourUs);
  cluster.restart(other);
  asked_in_vain(other, Errc::kTryLater, "reason=cluster this node may have promised its vote");
  // Later it may, though nobody answers.
  LocalCluster::stop(other);
  cluster.members.election_us = election_us;
  cluster.restart(other);
  wait_until([&] { return other.host->campaign().has_value(); });
}
