#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "node/base_receiver.h"
#include "node/base_sender.h"
#include "peer/frame_reader.h"
#include "tests/unit/engine/support/led_node.h"

using kv::node::BaseNews;
using kv::node::BaseReceiver;
using kv::node::BaseSender;
using kv::test::Content;
using kv::test::leader_with_base;
using kv::test::LedNode;
using namespace kv::raft;

namespace {

constexpr NodeId kLeader{1};
constexpr NodeId kFollower{2};

// What one side says, and what it wants read or written; both wait until they are looked at.
struct Side final : kv::node::ReplicaListener {
  std::deque<std::string> frames;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
  std::vector<BaseNews> news;

  void send(NodeId, kv::peer::Gather frame) override { frames.push_back(frame.joined()); }
  void on_lease(const std::optional<Instant>&, Seq) override {}
  void on_role(const RoleChange&) override {}
  void on_read(const ReadResult&) override {}
  void on_alarm(const Alarm&) override {}
  void on_members() override {}
  void on_base(const BaseNews& one) override { news.push_back(one); }
  void on_repair(const kv::node::RepairNews&) override {}
  void run_aside(std::function<void()> job, std::function<void()> done) override {
    jobs.emplace_back(std::move(job), std::move(done));
  }
  // All that is asked for may be done before anything is told of it.
  void work_aside() {
    while (!jobs.empty()) {
      const auto asked = std::exchange(jobs, {});
      for (const auto& [job, done] : asked) job();
      for (const auto& [job, done] : asked) done();
    }
  }
  BaseNews::Kind last() const {
    REQUIRE_FALSE(news.empty());
    return news.back().kind;
  }
};

struct EmptyLog final : Log {
  Point floor() const override { return {0, 0, kv::format::kChainStart}; }
  Point last() const override { return floor(); }
  Point point_at(Seq) const override { return floor(); }
  Seq term_start(Seq seq) const override { return seq; }
  Extent extent(Seq first, Seq, std::uint64_t) const override { return {first, 0}; }
  std::uint64_t extend_chain(std::uint64_t chain, const Entry&) const override { return chain; }
};

// A leader's state on its way to a follower that has heard of that leader.
struct Transfer {
  LedNode leader = leader_with_base();
  LedNode follower{2};
  Side from;
  Side to;
  EmptyLog log;
  Instant now{1'000'000, 1'000'000};
  std::uint64_t frame_us = 10'000;  // that one takes
  std::optional<Core> core;
  std::optional<kv::format::ManifestState> arrived;
  std::vector<std::uint64_t> arrived_members;
  BaseSender sender;
  BaseReceiver receiver{*follower.store, to, [this](const BaseReceiver::Arrived& what) {
                          arrived = what.segments;
                          for (const auto& member : what.members.membership.members) {
                            arrived_members.push_back(member.node_id);
                          }
                          return kv::Result<bool>(true);
                        }};

  explicit Transfer(std::uint64_t rate = 64 * 1024 * 1024)
      : sender(*leader.store, from, 100, rate) {
    follower.put("mine", "stays");
    Boot boot;
    boot.id = kFollower;
    auto config = std::make_shared<Config>();
    config->voters = {kLeader, kFollower};
    boot.configs.push_back({0, config});
    core.emplace(boot, log, Settings{}, now);
    core->step({kLeader, kFollower, 1, Append{.prev = log.floor(), .round = 1}});
    REQUIRE(core->leader() == kLeader);
  }
  void begin() {
    const auto floor = leader.store->log_floor();
    const Message wanted{kLeader, kFollower, 1,
                         Snapshot{.point = {floor.term, floor.sequence, floor.chain}, .round = 1}};
    kv::format::MembersFile members;
    members.membership.election_us = 1'000'000;
    for (const std::uint64_t id : std::initializer_list<std::uint64_t>{1, 2}) {
      members.membership.members.push_back({.node_id = id, .peer_address = "h:1"});
    }
    sender.begin(wanted, members, now);
  }
  static kv::peer::SnapshotFrame frame_of(const std::string& bytes) {
    kv::peer::FrameReader reader;
    std::string_view rest = bytes;
    auto frame = reader.take(rest);
    REQUIRE((frame && *frame));
    auto decoded = kv::peer::decode_snapshot(std::move(**frame));
    REQUIRE(decoded.has_value());
    return std::move(*decoded);
  }
  void receive_one() {
    const auto frame = frame_of(from.frames.front());
    from.frames.pop_front();
    receiver.receive(frame, *core, now);
  }
  // One frame, and what follows from it on the disk; false: nothing is under way.
  bool step() {
    now.boot_us += frame_us;
    now.raw_us += frame_us;
    from.work_aside();
    to.work_aside();
    if (!from.frames.empty()) {
      receive_one();
    } else if (!to.frames.empty()) {
      last_reply = std::move(to.frames.front());
      to.frames.pop_front();
      const auto frame = frame_of(last_reply);
      sender.receive(std::get<kv::peer::SnapshotReply>(frame.body), now);
    } else {
      return false;
    }
    return true;
  }
  std::string last_reply;
  // Heard once more by the leader, as when the network repeats it.
  void repeat_reply() {
    const auto frame = frame_of(last_reply);
    sender.receive(std::get<kv::peer::SnapshotReply>(frame.body), now);
  }
  void run() {
    while (step()) {
    }
  }
  // To a disk that is slower than the network: all pieces that are on their way wait for it.
  void run_to_slow_disk() {
    while (step()) {
      from.work_aside();
      while (!from.frames.empty()) receive_one();
    }
  }
  std::size_t incoming() const {
    const auto names = follower.fs->list("/db/incoming");
    return names ? names->size() : 0;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Transfer, "a state comes over with who the members were") {
  begin();
  CHECK(sender.is_busy());
  run();
  CHECK(to.last() == BaseNews::Kind::kReceived);
  REQUIRE(arrived.has_value());
  CHECK(arrived->log_floor == leader.store->log_floor());
  CHECK(incoming() == 2 * arrived->segments.size());  // with their hints
  CHECK(arrived_members == std::vector<std::uint64_t>{1, 2});
  CHECK(sender.share(kFollower) == 1.0);
}

TEST_CASE_FIXTURE(Transfer, "what comes in another order, or twice, is not taken") {
  begin();
  bool is_odd = false;
  while (step()) {
    is_odd = !is_odd;
    if (from.frames.empty()) continue;
    if (is_odd) from.frames.push_back(from.frames.front());
    if (from.frames.size() > 1) std::swap(from.frames.front(), from.frames.back());
    if (from.frames.size() > 8) from.frames.resize(8);
  }
  // The one that was lost is asked for by silence, which is the replica's to notice.
  CHECK(!to.news.empty());
  CHECK(to.last() != BaseNews::Kind::kNotReceived);
  CHECK(follower.content() == Content{{"mine", "stays"}});
}

TEST_CASE_FIXTURE(Transfer, "a full disk loses nothing, and is tried again later") {
  constexpr std::uint64_t kLittle = 3000;
  SUBCASE("from the beginning") {
    begin();
    follower.fs->set_capacity(1);
  }
  SUBCASE("on the way") {
    begin();
    while (incoming() == 0) REQUIRE(step());
    follower.fs->set_capacity(kLittle);
  }
  run();
  CHECK(to.last() == BaseNews::Kind::kNotReceived);
  CHECK_FALSE(to.news.back().cause.empty());
  CHECK(from.last() == BaseNews::Kind::kNotSent);
  CHECK(incoming() == 0);
  CHECK(receiver.share() == std::nullopt);
  CHECK(follower.content() == Content{{"mine", "stays"}});

  follower.fs->set_capacity(std::uint64_t{1} << 40);
  begin();  // too early
  run();
  CHECK_FALSE(arrived.has_value());
  now.boot_us += 5'000'000;
  now.raw_us += 5'000'000;
  begin();
  run();
  CHECK(arrived.has_value());
}

TEST_CASE_FIXTURE(Transfer, "over a slow network little is on its way at once") {
  std::size_t most = 0;
  const auto run_and_look = [&] {
    begin();
    while (step()) {
      from.work_aside();
      std::size_t bytes = 0;
      for (const std::string& frame : from.frames) bytes += frame.size();
      most = std::max(most, bytes);
    }
    REQUIRE(arrived.has_value());
  };
  SUBCASE("fast") {
    frame_us = 1000;
    run_and_look();
    CHECK(most > 8'000);
  }
  SUBCASE("slow") {
    frame_us = 100'000;
    run_and_look();
    CHECK(most < 6'000);
  }
}

struct PacedTransfer : Transfer {
  PacedTransfer() : Transfer(10'000) {}
};

TEST_CASE_FIXTURE(PacedTransfer, "it is sent no faster than it may be") {
  begin();
  const std::uint64_t begun = now.boot_us;
  std::uint64_t bytes = 0;
  while (!arrived) {
    run();
    if (arrived) break;
    now.boot_us += 50'000;
    now.raw_us += 50'000;
    repeat_reply();
  }
  for (const auto& [id, info] : arrived->segments) bytes += info.size;
  REQUIRE(bytes > 3 * kv::node::SendWindow::kPieceMin);
  const double seconds = static_cast<double>(now.boot_us - begun) / 1e6;
  // A last piece may be ahead of its time.
  CHECK(seconds > static_cast<double>(bytes - kv::node::SendWindow::kPieceMin) / 10'000);
  CHECK(seconds < 1.5 * static_cast<double>(bytes) / 10'000 + 1);
}

TEST_CASE_FIXTURE(Transfer, "behind a piece that could not be written no other is") {
  SUBCASE("a full disk") {
    begin();
    REQUIRE(step());
    follower.fs->set_capacity(3000);
  }
  SUBCASE("a damaged header") {
    const auto base = leader.store->base_files();
    REQUIRE(base.has_value());
    const auto& info = base->state.segments.begin()->second;
    leader.fs->flip(leader.dir().segment_path(info.id), 24, '\x01');
    begin();
  }
  SUBCASE("not even the first one") {
    begin();
    REQUIRE(step());
    follower.fs->set_capacity(1);
  }
  run_to_slow_disk();
  CHECK(to.last() == BaseNews::Kind::kNotReceived);
  CHECK_FALSE(to.news.back().cause.empty());
  CHECK(std::ranges::count(to.news, BaseNews::Kind::kNotReceived, &BaseNews::kind) == 1);
  CHECK(from.last() == BaseNews::Kind::kNotSent);
  CHECK(incoming() == 0);
  CHECK_FALSE(arrived.has_value());
  CHECK(follower.content() == Content{{"mine", "stays"}});
}

TEST_CASE_FIXTURE(Transfer, "who cannot write its MANIFEST takes no part any more") {
  begin();
  follower.fs->plan({.operation = kv::io::SimOperation::kSync, .path_part = "MANIFEST"});
  run();
  CHECK(to.last() == BaseNews::Kind::kNotReceived);
  CHECK_FALSE(arrived.has_value());
  CHECK(follower.store->pipeline().failure().has_value());
}

TEST_CASE_FIXTURE(Transfer, "what is damaged where it comes from is not taken") {
  const auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  const auto& info = base->state.segments.begin()->second;
  leader.fs->flip(leader.dir().segment_path(info.id), 200, '\x10');
  begin();
  run();
  CHECK(to.last() == BaseNews::Kind::kNotReceived);
  CHECK(from.last() == BaseNews::Kind::kNotSent);
  CHECK(incoming() == 0);
  CHECK_FALSE(arrived.has_value());
}

TEST_CASE_FIXTURE(Transfer, "a leader that leads no more is not listened to") {
  begin();
  while (incoming() == 0) REQUIRE(step());
  core->step({NodeId{3}, kFollower, 2, Append{.prev = log.floor(), .round = 1}});
  receiver.work(*core, now);
  run();
  CHECK_FALSE(arrived.has_value());
  CHECK(to.last() == BaseNews::Kind::kNotReceived);
  CHECK(incoming() == 0);
}
