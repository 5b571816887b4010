#include "node/replica.h"

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "format/identity.h"
#include "io/sim_file_system.h"
#include "peer/frame_reader.h"

using namespace kv;
using raft::Instant;
using raft::NodeId;

namespace {

// A member whose leases are looked at by `write()` as a server does, and who may be interrupted by
// one of the server's other threads wherever its replica tells of a lease.
struct Member final : node::ReplicaListener, WriteListener {
  std::uint64_t id;
  io::SimFileSystem fs;
  std::unique_ptr<StoreImpl> store;
  std::unique_ptr<node::HardStateFile> hard_state;
  std::unique_ptr<node::MembersFile> members;
  std::unique_ptr<node::Replica> replica;
  std::deque<std::pair<NodeId, std::string>> sent;
  bool has_lease = false;
  std::function<void()> in_between;
  std::optional<Result<WriteResult>> told;

  explicit Member(std::uint64_t number) : id(number), fs(number) {}

  void start(const format::Membership& membership, const Instant& now) {
    auto dir = engine::DataDirectory::open(fs, "/db", "test", true, nullptr);
    REQUIRE(dir.has_value());
    const std::uint64_t hash = format::database_id_hash((*dir)->identity());
    hard_state = *node::HardStateFile::open(fs, "/db", hash, node::Memory::kMayBeNew);
    members = *node::MembersFile::create(fs, "/db", hash, membership);
    Options options;
    options.scrub_rate = 0;
    const Replicated replicated{0, {}, {}, [this] { return has_lease; }};
    store = *StoreImpl::open(std::move(*dir), options, Background::kCaller, replicated);
    make_replica(now);
  }
  void make_replica(const Instant& now) {
    const node::Self self{NodeId{id}, {1, id}, false};
    replica =
        std::make_unique<node::Replica>(node::Replica::Parts{*store, *hard_state, *members, *this},
                                        self, raft::Settings{}, id, now);
  }
  void write(const std::string& key, Ack ack) {
    told.reset();
    Write write;
    write.kind = Write::Kind::kPut;
    write.key = key;
    write.value = "v";
    write.options.ack = ack;
    store->submit(write, *this, WriteTag{0, 1});
    store->flush(ReadMode::kMayBlock);
    store->work();
  }
  std::string value_of(const std::string& key) const {
    const auto found = store->get(key, ReadMode::kMayBlock);
    REQUIRE(found.has_value());
    return *found ? (*found)->bytes : "";
  }

  void on_written(const WriteTag&, Result<WriteResult> result) override {
    told = std::move(result);
  }
  void send(NodeId to, peer::Gather frame) override { sent.emplace_back(to, frame.joined()); }
  void on_lease(const std::optional<Instant>& until, raft::Seq) override {
    has_lease = until.has_value();
    if (has_lease && in_between) std::exchange(in_between, nullptr)();
  }
  void on_role(const raft::RoleChange&) override {}
  void on_read(const raft::ReadResult&) override {}
  void on_alarm(const raft::Alarm&) override {}
  void on_members() override {}
  void on_base(const node::BaseNews&) override {}
  void on_repair(const node::RepairNews&) override {}
  void run_aside(std::function<void()>, std::function<void()>) override {}
};

struct TwoMembers {
  std::array<Member, 2> all{Member{1}, Member{2}};
  Instant now{10'000'000, 10'000'000};

  TwoMembers() {
    format::Membership membership;
    membership.election_us = 300'000;
    for (const Member& one : all) {
      format::Member member;
      member.node_id = one.id;
      member.node_uuid = {1, one.id};
      member.peer_address = "h:1";
      membership.members.push_back(member);
    }
    for (Member& one : all) one.start(membership, now);
  }
  static void deliver(const std::string& bytes, Member& to, const Instant& at) {
    peer::FrameReader reader;
    std::string_view rest = bytes;
    auto frame = reader.take(rest);
    REQUIRE((frame && *frame));
    const auto received = peer::decode_message(std::move(**frame));
    REQUIRE(received.has_value());
    to.replica->receive(*received, at);
  }
  bool is_cut = false;  // nothing comes to anybody
  void step() {
    now.boot_us += 10'000;
    now.raw_us += 10'000;
    for (Member& one : all) {
      one.store->work();
      one.replica->work(now);
      for (auto& [to, frame] : std::exchange(one.sent, {})) {
        if (is_cut) continue;
        deliver(frame, all[static_cast<std::size_t>(to) - 1], now);
      }
    }
  }
  template <class Condition>
  void run_until(Condition is_so) {
    for (int i = 0; i < 1000 && !is_so(); ++i) step();
    REQUIRE(is_so());
  }
  Member& leader() {
    const auto leads = [](const Member& one) { return one.replica->core().serves(); };
    run_until([&] { return leads(all[0]) || leads(all[1]); });
    Member& found = leads(all[0]) ? all[0] : all[1];
    run_until([&] { return found.has_lease; });
    return found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(TwoMembers, "who hands over takes along what its disk alone acknowledged") {
  Member& before = leader();
  Member& after = &before == all.data() ? all[1] : all[0];
  before.in_between = [&] { before.write("key", Ack::kLocal); };
  REQUIRE(before.replica->transfer(NodeId{after.id}, now).has_value());
  REQUIRE(before.told.has_value());
  REQUIRE(before.told->has_value());
  CHECK((*before.told)->local_epoch != 0);
  CHECK_FALSE(before.has_lease);
  run_until([&] { return after.replica->core().serves(); });
  run_until([&] { return before.replica->applied() == after.replica->applied(); });
  CHECK(after.value_of("key") == "v");
  CHECK(before.value_of("key") == "v");
}

TEST_CASE_FIXTURE(TwoMembers, "who leads no more and hears of nobody says that it does not know") {
  Member& before = leader();
  is_cut = true;
  before.write("key", Ack::kMajority);
  run_until([&] { return !before.replica->core().serves(); });
  CHECK_FALSE(before.told.has_value());
  run_until([&] { return before.told.has_value(); });
  REQUIRE_FALSE(before.told->has_value());
  CHECK(before.told->error().code == Errc::kUnknownOutcome);
  SUBCASE("it may be committed yet") {
    is_cut = false;
    Member& after = leader();
    CHECK(after.value_of("key") == "v");
  }
}

TEST_CASE_FIXTURE(TwoMembers, "who cannot read its log does nothing more, and says why") {
  Member& one = leader();
  one.write("a", Ack::kMajority);
  run_until([&] { return one.told.has_value(); });
  one.replica.reset();
  one.fs.plan({.operation = io::SimOperation::kRead, .count = UINT64_MAX, .path_part = ".seg"});
  one.make_replica(now);
  REQUIRE(one.replica->failure().has_value());
  CHECK(one.replica->failure()->context.find(".seg") != std::string::npos);
  one.sent.clear();
  one.replica->work(now);
  CHECK_FALSE(one.replica->read_index(1, now).has_value());
  CHECK_FALSE(one.replica->campaign(now).has_value());
  CHECK(one.sent.empty());
}
