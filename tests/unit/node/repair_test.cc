#include "node/repair.h"

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "peer/frame_reader.h"
#include "tests/unit/engine/support/led_node.h"

using kv::node::Repair;
using kv::node::RepairNews;
using kv::peer::RecordFrame;
using kv::peer::RecordReply;
using kv::peer::RecordRequest;
using kv::test::LedNode;
using namespace kv::raft;

namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;

struct EmptyLog final : Log {
  Point floor() const override { return {0, 0, kv::format::kChainStart}; }
  Point last() const override { return floor(); }
  Point point_at(Seq) const override { return floor(); }
  Seq term_start(Seq seq) const override { return seq; }
  Extent extent(Seq first, Seq, std::uint64_t) const override { return {first, 0}; }
  std::uint64_t extend_chain(std::uint64_t chain, const Entry&) const override { return chain; }
};

struct Sent {
  NodeId from;
  NodeId to;
  std::string bytes;
};

// A follower of node 1, or node 1 as another one sees it. What it says waits in `wire`.
struct Node final : kv::node::ReplicaListener {
  Node(std::uint64_t number, std::deque<Sent>& to_others)
      : id{number}, store(number), wire(to_others) {
    Boot boot;
    boot.id = id;
    auto config = std::make_shared<Config>();
    config->voters = {NodeId{1}, NodeId{2}, NodeId{3}};
    boot.configs.push_back({0, config});
    core.emplace(boot, log, Settings{}, Instant{1, 1});
    if (number != 1) {
      core->step({NodeId{1}, id, 1, Append{.prev = log.floor(), .round = 1}});
      REQUIRE(core->leader() == NodeId{1});
    }
    repair.emplace(*store.store, *this);
  }

  void send(NodeId to, kv::peer::Gather frame) override {
    wire.push_back({id, to, frame.joined()});
  }
  void on_lease(const std::optional<Instant>&, Seq) override {}
  void on_role(const RoleChange&) override {}
  void on_read(const ReadResult&) override {}
  void on_alarm(const Alarm&) override {}
  void on_members() override {}
  void on_base(const kv::node::BaseNews&) override {}
  void on_repair(const RepairNews& one) override { news.push_back(one); }
  void run_aside(std::function<void()> job, std::function<void()> done) override {
    jobs.emplace_back(std::move(job), std::move(done));
  }
  bool work_aside() {
    if (jobs.empty()) return false;
    const auto [job, done] = std::exchange(jobs.front(), {});
    jobs.pop_front();
    job();
    done();
    return true;
  }

  NodeId id;
  LedNode store;
  std::deque<Sent>& wire;
  EmptyLog log;
  std::optional<Core> core;
  std::optional<Repair> repair;
  bool is_whole = true;
  bool is_up = true;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
  std::vector<RepairNews> news;
};

// Three members with one log. The third one's disk loses records.
struct Members {
  std::deque<Sent> wire;
  Node first{1, wire};
  Node second{2, wire};
  Node third{3, wire};
  Instant now{kSecondUs, kSecondUs};
  std::vector<NodeId> asked;
  std::string key;

  Members() {
    for (Node* const one : all()) one->store.fill('a', 60);
    key = sealed_keys().front();
  }
  std::array<Node*, 3> all() { return {&first, &second, &third}; }
  kv::engine::Place place_of(const std::string& of) const {
    return third.store.store->index().find(of).value();
  }
  std::shared_ptr<kv::engine::Segment> segment_of(const std::string& of) const {
    return third.store.store->segments().find(place_of(of).slot());
  }
  std::vector<std::string> sealed_keys() const {
    std::vector<std::string> keys;
    for (const auto& [of, value] : third.store.content()) {
      if (segment_of(of)->is_sealed) keys.push_back(of);
    }
    REQUIRE(keys.size() > 2);
    return keys;
  }
  static void damage(Node& node, const std::string& of) {
    const auto place = node.store.store->index().find(of).value();
    const auto path = node.store.store->segments().find(place.slot())->path();
    node.store.fs->flip(path, place.offset() + 100, 0x10);
  }
  // Nothing is cached: content() was read through a cursor.
  auto read(const std::string& of) const {
    return third.store.store->get(of, kv::ReadMode::kMayBlock);
  }
  void lose(const std::string& of) {
    damage(third, of);
    CHECK_FALSE(read(of).has_value());
  }
  RecordFrame frame_of(const Sent& sent) const {
    kv::peer::FrameReader reader;
    std::string_view rest = sent.bytes;
    auto frame = reader.take(rest);
    REQUIRE((frame && *frame));
    auto decoded = kv::peer::decode_record_copy(std::move(**frame));
    REQUIRE(decoded.has_value());
    return std::move(*decoded);
  }
  void deliver(const Sent& sent) {
    const auto frame = frame_of(sent);
    if (std::holds_alternative<RecordRequest>(frame.body)) asked.push_back(sent.to);
    for (Node* const one : all()) {
      if (one->id == sent.to && one->is_up) {
        one->repair->receive(frame, *one->core, one->is_whole, now);
      }
    }
  }
  // One thing that is under way; false: nothing is.
  bool step() {
    for (Node* const one : all()) {
      if (one->work_aside()) return true;
    }
    if (wire.empty()) return false;
    const Sent sent = wire.front();
    wire.pop_front();
    deliver(sent);
    return true;
  }
  void work() { third.repair->work(*third.core, third.is_whole, now); }
  void pass(std::uint64_t us) {
    now.boot_us += us;
    now.raw_us += us;
  }
  void run(std::uint64_t seconds) {
    constexpr std::uint64_t kTickUs = 50'000;
    for (std::uint64_t i = 0; i < seconds * kSecondUs / kTickUs; ++i) {
      pass(kTickUs);
      work();
      while (step()) {
      }
    }
  }
  // Up to the first answer, which is on its way.
  void run_to_answer() {
    work();
    while (wire.empty() || !std::holds_alternative<RecordReply>(frame_of(wire.front()).body)) {
      REQUIRE(step());
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Members,
                  "a record that a read finds damaged is put back with the leader's copy") {
  const auto expected = first.store.content();
  lose(key);
  run(2);
  CHECK(asked == std::vector<NodeId>{NodeId{1}});
  CHECK(third.store.content() == expected);
  CHECK(third.store.store->verify({})->findings.empty());
  REQUIRE(third.news.size() == 1);
  CHECK(third.news[0].put_back == 1);
  CHECK(third.news[0].left == 0);
  CHECK(third.news[0].segment == segment_of(key)->path());
  CHECK(third.repair->put_back() == 1);
  run(1300);
  CHECK(asked.size() == 1);
  CHECK(third.news.size() == 1);
}

TEST_CASE_FIXTURE(Members,
                  "what the scrubber finds is put back, and merges take the segment again") {
  const auto expected = first.store.content();
  const auto keys = sealed_keys();
  for (const auto& one : keys) damage(third, one);
  CHECK_FALSE(third.store.store->verify({})->findings.empty());
  for (const auto& one : keys) CHECK(segment_of(one)->is_damaged);
  run(2);
  CHECK(third.store.content() == expected);
  for (const auto& one : keys) CHECK_FALSE(segment_of(one)->is_damaged);
  REQUIRE(third.news.size() == 1);
  CHECK(third.news[0].put_back == keys.size());
}

TEST_CASE_FIXTURE(Members,
                  "a copy from a merged segment fits where the record lay, and the other way") {
  const auto expected = first.store.content();
  SUBCASE("merged there") { first.store.raise_floor_and_merge(); }
  SUBCASE("merged here") {
    third.store.raise_floor_and_merge();
    key = sealed_keys().front();
  }
  lose(key);
  run(2);
  CHECK(third.store.content() == expected);
  CHECK(third.store.store->verify({})->findings.empty());
}

TEST_CASE_FIXTURE(Members, "nobody is asked while nothing is wrong") {
  CHECK(read(key).has_value());
  run(700);
  CHECK(asked.empty());
  CHECK(third.jobs.empty());
}

TEST_CASE_FIXTURE(Members, "a store that may lack something neither asks nor answers") {
  lose(key);
  SUBCASE("the asker's") {
    third.is_whole = false;
    run(20);
    CHECK(asked.empty());
    third.is_whole = true;
    run(2);
  }
  SUBCASE("the others'") {
    first.is_whole = false;
    second.is_whole = false;
    run(3);
    CHECK(asked.size() > 2);
    CHECK_FALSE(read(key).has_value());
    first.is_whole = true;
    run(2);
  }
  CHECK(read(key).has_value());
}

TEST_CASE_FIXTURE(Members, "who has not applied as much does not answer with what it has") {
  const std::string value = first.store.content().at(key);
  // One more version of the same size, which the others have not heard of.
  std::string later = value;
  later.back() ^= 1;
  third.store.put(key, later);
  for (int i = 0; i < 60; ++i) third.store.put("more" + std::to_string(i), std::string(200, 'm'));
  REQUIRE(segment_of(key)->is_sealed);
  lose(key);
  run(3);
  CHECK_FALSE(read(key).has_value());
  CHECK(third.news.empty());
  first.store.put(key, later);
  for (int i = 0; i < 60; ++i) first.store.put("more" + std::to_string(i), std::string(200, 'm'));
  run(2);
  REQUIRE(read(key).has_value());
  CHECK((*read(key))->bytes == later);
}

TEST_CASE_FIXTURE(Members, "a later version is not put where an earlier one lay") {
  lose(key);
  const auto place = place_of(key);
  first.store.put(key, first.store.content().at(key));
  second.store.put(key, second.store.content().at(key));
  run(3);
  CHECK(asked.size() > 2);
  CHECK_FALSE(read(key).has_value());
  CHECK(place_of(key) == place);
  // It comes as any write does.
  third.store.put(key, first.store.content().at(key));
  run(2);
  CHECK(read(key).has_value());
  CHECK(third.news.empty());
}

TEST_CASE_FIXTURE(Members,
                  "a key that is written while the answer is on its way keeps what was written") {
  lose(key);
  const auto place = place_of(key);
  run_to_answer();
  for (Node* const one : all()) one->store.put(key, "new");
  run(2);
  CHECK((*read(key))->bytes == "new");
  CHECK(third.news.empty());
  // Where the old one lay nothing was written.
  std::string buffer;
  const auto segment = third.store.store->segments().find(place.slot());
  const auto file = third.store.store->segments().file(*segment);
  CHECK_FALSE(segment->read(**file, place, kv::ReadMode::kMayBlock, buffer).has_value());
}

TEST_CASE_FIXTURE(Members, "where the leader cannot help, another member is asked") {
  lose(key);
  std::vector<NodeId> expected{NodeId{1}, NodeId{2}};
  SUBCASE("its copy is damaged, too") {
    damage(first, key);
    run(2);
  }
  SUBCASE("it says nothing") {
    first.is_up = false;
    run(2);
    CHECK(asked.size() == 1);
    run(11);
  }
  CHECK(asked == expected);
  CHECK(read(key).has_value());
}

TEST_CASE_FIXTURE(Members,
                  "nobody's copy: it is told why, and tried again when a read fails, or later") {
  lose(key);
  damage(first, key);
  second.is_up = false;
  run(13);
  REQUIRE(third.news.size() == 1);
  CHECK(third.news[0].put_back == 0);
  CHECK(third.news[0].left == 1);
  CHECK(third.news[0].left_segment == segment_of(key)->path());
  CHECK(third.news[0].left_offset == place_of(key).offset());
  CHECK(third.news[0].cause == "node 1 cannot read its own; node 2 does not answer");
  CHECK(third.repair->left() == 1);
  second.is_up = true;
  SUBCASE("a read fails") {
    run(60);
    CHECK(third.repair->left() == 1);
    CHECK_FALSE(read(key).has_value());
    run(3);
  }
  SUBCASE("nobody reads it") { run(610); }
  CHECK(third.repair->left() == 0);
  CHECK(read(key).has_value());
}

TEST_CASE_FIXTURE(Members,
                  "reads that fail again and again make no more than a look now and then") {
  lose(key);
  damage(first, key);
  damage(second, key);
  for (int i = 0; i < 120; ++i) {
    CHECK_FALSE(read(key).has_value());
    run(1);
  }
  CHECK(third.news.size() >= 2);
  CHECK(third.news.size() <= 5);
}

TEST_CASE_FIXTURE(Members, "an answer to nothing that was asked changes nothing") {
  lose(key);
  run_to_answer();
  const Sent sent = wire.front();
  wire.pop_front();
  const auto frame = frame_of(sent);
  RecordReply reply = std::get<RecordReply>(frame.body);
  REQUIRE(reply.state == RecordReply::State::kFound);
  SUBCASE("another number") { reply.id += 1; }
  SUBCASE("from another one") { reply.envelope.from = NodeId{2}; }
  SUBCASE("a later version than was asked for") { reply.header.sequence = 1'000'000; }
  SUBCASE("another key") { reply.key = "kex0"; }
  const RecordFrame changed{reply, frame.payload};
  third.repair->receive(changed, *third.core, true, now);
  while (third.work_aside()) {
  }
  CHECK_FALSE(read(key).has_value());
  CHECK(third.news.empty());
}
