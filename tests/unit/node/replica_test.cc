#include "node/replica.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
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
  std::set<raft::Seq> unreadable;
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
  void write(const std::string& key, Ack ack, const std::string& value = "v") {
    told.reset();
    Write write;
    write.kind = Write::Kind::kPut;
    write.key = key;
    write.value = value;
    write.options.ack = ack;
    store->submit(write, *this, WriteTag{0, 1});
    store->flush(ReadMode::kMayBlock);
    store->work();
  }
  // Of what the log holds.
  void damage(const std::string& bytes) {
    const auto names = fs.list("/db");
    REQUIRE(names.has_value());
    for (const std::string& name : *names) {
      if (name.find(".seg") == std::string::npos) continue;
      const auto content = io::read_file(fs, "/db/" + name);
      REQUIRE(content.has_value());
      const auto at = content->find(bytes);
      if (at != std::string::npos) return fs.flip("/db/" + name, at, 1);
    }
    FAIL("the log does not hold it");
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
  void on_unreadable(NodeId, raft::Seq seq, const Error&) override { unreadable.insert(seq); }
  void on_members() override {}
  void on_base(const node::BaseNews&) override {}
  void on_repair(const node::RepairNews&) override {}
  void run_aside(std::function<void()>, std::function<void()>) override {}
};

struct Members {
  std::deque<Member> all;
  Instant now{10'000'000, 10'000'000};
  std::set<NodeId> cut;  // nothing comes to them

  explicit Members(std::uint64_t count) {
    for (std::uint64_t id = 1; id <= count; ++id) all.emplace_back(id);
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
  void step() {
    now.boot_us += 10'000;
    now.raw_us += 10'000;
    for (Member& one : all) {
      one.store->flush(ReadMode::kMayBlock);
      one.store->work();
      one.replica->work(now);
      for (auto& [to, frame] : std::exchange(one.sent, {})) {
        if (cut.contains(to)) continue;
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
    run_until([&] { return std::any_of(all.begin(), all.end(), leads); });
    Member& found = *std::find_if(all.begin(), all.end(), leads);
    run_until([&] { return found.has_lease; });
    return found;
  }
  Member& behind(const Member& one, std::uint64_t steps) {
    return all[(one.id - 1 + steps) % all.size()];
  }
  void write(Member& leader, const std::string& key, const std::string& value) {
    leader.write(key, Ack::kMajority, value);
    run_until([&] { return leader.told.has_value(); });
    REQUIRE(leader.told->has_value());
  }
};

struct TwoMembers : Members {
  TwoMembers() : Members(2) {}
};

struct ThreeMembers : Members {
  ThreeMembers() : Members(3) {}
};

}  // namespace

TEST_CASE_FIXTURE(TwoMembers, "who hands over takes along what its disk alone acknowledged") {
  Member& before = leader();
  Member& after = behind(before, 1);
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
  cut = {NodeId{1}, NodeId{2}};
  before.write("key", Ack::kMajority);
  run_until([&] { return !before.replica->core().serves(); });
  CHECK_FALSE(before.told.has_value());
  run_until([&] { return before.told.has_value(); });
  REQUIRE_FALSE(before.told->has_value());
  CHECK(before.told->error().code == Errc::kUnknownOutcome);
  SUBCASE("it may be committed yet") {
    cut.clear();
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

TEST_CASE_FIXTURE(ThreeMembers, "who cannot send what a member lacks hands over to who can") {
  // What was sent is not kept in memory.
  const std::string large(std::size_t{1} << 20, 'x');
  Member& before = leader();
  Member& late = behind(before, 1);
  run_until([&] { return late.replica->applied() == before.replica->applied(); });
  cut = {NodeId{late.id}};
  write(before, "first", large);
  const raft::Seq first = before.replica->core().commit();
  const std::string value = "the one that rots" + large;
  write(before, "second", value);
  write(before, "third", large);
  before.damage("the one that rots");
  cut.clear();
  SUBCASE("and it leads") {
    run_until([&] { return late.replica->applied() == before.replica->applied(); });
    CHECK(before.unreadable == std::set<raft::Seq>{first + 1});
    CHECK(before.replica->core().role() == raft::Role::kFollower);
    CHECK(late.value_of("second") == value);
  }
  SUBCASE("there is nobody, and it leads on") {
    cut = {NodeId{behind(before, 2).id}};
    run_until([&] { return !before.unreadable.empty(); });
    for (int i = 0; i < 100; ++i) step();
    CHECK(before.replica->core().serves());
    CHECK(late.replica->core().last().seq == first);
  }
  CHECK_FALSE(before.replica->failure().has_value());
}

TEST_CASE_FIXTURE(ThreeMembers,
                  "members none of which can send a record hand over more and more seldom") {
  const std::string large(std::size_t{1} << 20, 'x');
  Member& before = leader();
  Member& late = behind(before, 1);
  Member& other = behind(before, 2);
  run_until([&] { return late.replica->applied() == before.replica->applied(); });
  cut = {NodeId{late.id}};
  write(before, "first", "the one that rots" + large);
  write(before, "second", large);
  run_until([&] { return other.replica->core().last() == before.replica->core().last(); });
  before.damage("the one that rots");
  other.damage("the one that rots");
  cut.clear();
  // 200 elections: one from each every fifth of them would be 80.
  std::uint64_t hand_overs = 0;
  for (int i = 0; i < 6000; ++i) {
    const raft::Term term = before.replica->core().term();
    step();
    if (before.replica->core().term() > term) hand_overs += 1;
  }
  CHECK(hand_overs >= 4);
  CHECK(hand_overs <= 24);
  CHECK((before.replica->core().serves() || other.replica->core().serves()));
}

TEST_CASE_FIXTURE(ThreeMembers, "who has no room for what clients write hands over to who has") {
  Member& before = leader();
  before.write("a", Ack::kMajority);
  run_until([&] { return before.told.has_value(); });
  // An eighth is kept back for merges and deletes.
  const auto fill = [](Member& one) {
    const io::Space space = *one.fs.space("/db");
    one.fs.set_capacity((space.total_bytes - space.free_bytes) / 15 * 16);
  };
  Member& first = behind(before, 1);
  Member& second = behind(before, 2);
  const auto serves = [](const Member& one) { return one.replica->core().serves(); };
  fill(before);
  SUBCASE("at once") {}
  bool is_first_full = false;
  SUBCASE("or to the next one") {
    is_first_full = true;
    fill(first);
  }
  before.write("b", Ack::kMajority);
  run_until([&] { return before.told.has_value(); });
  REQUIRE_FALSE(before.told->has_value());
  CHECK(before.told->error().code == Errc::kNoSpace);
  run_until([&] { return serves(first) || serves(second); });
  Member& after = is_first_full ? second : first;
  // Whoever leads learns from a write that its disk is full, here where no thread looks at it.
  for (int i = 0; i < 400 && !serves(after); ++i) {
    for (Member* one : {&before, &first}) one->write("c", Ack::kMajority);
    for (int j = 0; j < 10; ++j) step();
  }
  REQUIRE(serves(after));
  write(after, "d", "1");
}
