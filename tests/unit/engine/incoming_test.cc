#include "engine/incoming.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "engine/base_files.h"
#include "engine/log_reader.h"
#include "engine/store_impl.h"
#include "format/names.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/led_node.h"

using kv::Errc;
using kv::Result;
using kv::engine::BaseFiles;
using kv::engine::Incoming;
using kv::io::CrashMode;
using kv::test::Content;
using kv::test::leader_with_base;
using Node = kv::test::LedNode;

namespace {

std::string read_file(const Node& node, kv::format::SegmentId id, std::uint64_t size) {
  auto bytes = kv::io::read_file(*node.fs, node.dir().segment_path(id));
  REQUIRE(bytes.has_value());
  return bytes->substr(0, size);
}

// All files, in pieces; what ends it.
Result<void> receive(Incoming& incoming, const Node& from, const BaseFiles& base,
                     std::size_t piece = 1000) {
  const std::string list =
      kv::engine::encode_base_list(base.state, kv::format::database_id_hash(from.dir().identity()));
  if (auto begun = incoming.begin(list); !begun) return begun;
  std::size_t file = 0;
  for (const auto& info : incoming.files()) {
    const std::string bytes = read_file(from, info.id, info.size);
    for (std::uint64_t at = 0; at < bytes.size(); at += piece) {
      const auto some = std::string_view(bytes).substr(at, piece);
      if (auto written = incoming.write(file, at, some); !written) return written;
    }
    file += 1;
  }
  return incoming.finish();
}

std::vector<std::string> files_in(const Node& node, const std::string& folder) {
  auto names = node.fs->list(folder);
  REQUIRE(names.has_value());
  return *names;
}

}  // namespace

TEST_CASE("another node's state takes the place of one's own") {
  Node leader = leader_with_base();
  auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  REQUIRE(base->state.log_floor.sequence > 40);

  Node follower(2);
  follower.put("gone0", "an old value that the others have deleted since");
  follower.put("mine", "that no leader has");
  Incoming incoming(follower.dir());
  const auto received = receive(incoming, leader, *base);
  REQUIRE_MESSAGE(received.has_value(), describe(received.error()));
  CHECK(follower.content().contains("mine"));
  REQUIRE(follower.store->close().has_value());
  REQUIRE(kv::engine::replace_state(follower.dir(), incoming.state()).has_value());
  follower.store.reset();
  follower.committed = 0;
  SUBCASE("") {}
  SUBCASE("the power goes right after") {
    follower.fs->lose_power();
    follower.fs->restart(CrashMode::kLoseUnsynced);
  }
  follower.open();

  CHECK(follower.store->stats().recovery.segments_by_hint == base->state.segments.size());
  CHECK(follower.store->stats().recovery.segments_by_scan == 0);
  CHECK(follower.store->log_floor() == base->state.log_floor);
  CHECK(follower.store->pipeline().last_sequence() == base->state.log_floor.sequence);
  CHECK(follower.store->pipeline().applied_sequence() == base->state.log_floor.sequence);
  // The log goes on from there, as the leader's did.
  while (follower.store->pipeline().last_sequence() < leader.committed) {
    kv::engine::LogReader reader(leader.store->segments());
    const std::uint64_t next = follower.store->pipeline().last_sequence() + 1;
    const auto read = reader.read(next, next, UINT64_MAX, [&](const auto& record) {
      const std::string body(record.body);
      follower.append(record.header.type, body.substr(0, record.header.key_size),
                      body.substr(record.header.key_size));
    });
    REQUIRE(read.has_value());
  }
  CHECK(follower.content() == leader.content());
  CHECK_FALSE(follower.content().contains("gone0"));
  CHECK_FALSE(follower.content().contains("mine"));
  CHECK(follower.store->lost_sequence() == 0);
  const auto report = follower.store->verify({});
  REQUIRE(report.has_value());
  CHECK(report->findings.empty());
  CHECK(files_in(follower, "/db/incoming").empty());
}

TEST_CASE("after a power cut anywhere there is the old state or the new one") {
  Node leader = leader_with_base();
  const auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  Content old_content;
  kv::io::SimDisk disk;
  std::uint64_t last = 0;
  {
    Node follower(2);
    follower.fill('o', 30);
    old_content = follower.content();
    last = follower.committed;
    REQUIRE(follower.store->close().has_value());
    disk = follower.fs->disk();
  }
  std::uint64_t olds = 0;
  std::uint64_t news = 0;
  bool was_cut = true;
  for (std::uint64_t changes = 0; was_cut; ++changes) {
    CAPTURE(changes);
    Node follower(disk);
    follower.committed = last;
    follower.open();
    follower.fs->lose_power_after(changes);
    Incoming incoming(follower.dir());
    auto done = receive(incoming, leader, *base);
    if (done) done = follower.store->close();
    if (done) done = kv::engine::replace_state(follower.dir(), incoming.state());
    was_cut = !follower.fs->is_on();
    CHECK((done.has_value() || was_cut));
    if (!was_cut) follower.fs->lose_power();
    follower.store.reset();
    follower.fs->restart(CrashMode::kRandom, changes);
    // A start that is cut off, too, changes nothing about it.
    follower.fs->lose_power_after(changes % 5);
    if (follower.try_open()) follower.fs->lose_power();
    follower.store.reset();
    follower.fs->restart(CrashMode::kRandom, changes + 1);
    follower.open();
    const bool is_new = follower.store->log_floor().sequence != 0;
    (is_new ? news : olds) += 1;
    if (is_new) {
      CHECK(follower.store->log_floor() == base->state.log_floor);
      CHECK_FALSE(follower.content().contains("gone0"));
    } else {
      CHECK(follower.content() == old_content);
      CHECK(follower.store->pipeline().last_sequence() == last);
    }
    const auto report = follower.store->verify({});
    REQUIRE(report.has_value());
    CHECK(report->findings.empty());
    CHECK_FALSE(follower.fs->exists("/db/lost+found").value());
    // And nothing of the other state, or of a half one, is left.
    const auto state = follower.dir().manifest().state();
    for (const std::string& name : files_in(follower, "/db")) {
      const auto parsed = kv::format::parse_name(name);
      if (parsed.kind != kv::format::FileKind::kSegment) continue;
      CHECK(state.segments.contains(
          kv::format::SegmentId{static_cast<std::uint32_t>(parsed.number)}));
    }
    follower.put("next", "goes on");
    CHECK(follower.content().at("next") == "goes on");
  }
  CHECK(olds > 20);
  CHECK(news > 0);
}

TEST_CASE("what came is verified before it counts") {
  Node leader = leader_with_base();
  auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  Node follower(2);
  follower.put("mine", "stays");
  const auto& info = base->state.segments.begin()->second;

  SUBCASE("the records of a segment, and its header") {
    for (const std::uint64_t offset :
         std::initializer_list<std::uint64_t>{3, 30, 70, 200, info.size / 2}) {
      CAPTURE(offset);
      leader.fs->flip(leader.dir().segment_path(info.id), offset, '\x10');
      Incoming incoming(follower.dir());
      const auto received = receive(incoming, leader, *base);
      REQUIRE_FALSE(received.has_value());
      CHECK(received.error().code == Errc::kCorruption);
      leader.fs->flip(leader.dir().segment_path(info.id), offset, '\x10');
    }
  }
  SUBCASE("the list") {
    std::string list = kv::engine::encode_base_list(base->state, 1);
    list[list.size() / 2] = static_cast<char>(list[list.size() / 2] ^ 1);
    Incoming incoming(follower.dir());
    CHECK_FALSE(incoming.begin(list).has_value());
  }
  SUBCASE("where bytes belong") {
    Incoming incoming(follower.dir());
    const auto is_refused = [&](std::size_t file, std::uint64_t offset, std::string_view bytes) {
      const auto written = incoming.write(file, offset, bytes);
      return !written && written.error().code == Errc::kCorruption;
    };
    CHECK(is_refused(0, 0, "before the list"));
    REQUIRE(incoming.begin(kv::engine::encode_base_list(base->state, 1)).has_value());
    const std::string bytes = read_file(leader, info.id, info.size);
    CHECK(is_refused(1, 0, bytes));
    CHECK(is_refused(0, 100, bytes));
    CHECK(is_refused(0, 0, bytes + "more"));
    REQUIRE(incoming.write(0, 0, std::string_view(bytes).substr(0, 1000)).has_value());
    CHECK(is_refused(0, 0, std::string_view(bytes).substr(0, 1000)));
    CHECK(is_refused(0, 1000, bytes));
    CHECK(is_refused(0, UINT64_MAX, bytes));
  }
  SUBCASE("whether all of it is there") {
    Incoming incoming(follower.dir());
    REQUIRE(incoming.begin(kv::engine::encode_base_list(base->state, 1)).has_value());
    CHECK_FALSE(incoming.finish().has_value());
  }
  CHECK(follower.content() == Content{{"mine", "stays"}});
  // Another attempt begins anew.
  Incoming again(follower.dir());
  CHECK(receive(again, leader, *base).has_value());
}

TEST_CASE("the files of a state stay while somebody reads them") {
  Node leader = leader_with_base();
  auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  leader.fill('d', 60);
  leader.raise_floor_and_merge();
  leader.store->work();
  for (const auto& [id, info] : base->state.segments) {
    CHECK(leader.fs->exists(leader.dir().segment_path(id)).value());
  }
  Node follower(2);
  Incoming incoming(follower.dir());
  CHECK(receive(incoming, leader, *base).has_value());
  CHECK(incoming.state().log_floor == base->state.log_floor);
  CHECK(leader.store->log_floor().sequence > base->state.log_floor.sequence);
  const auto first = base->state.segments.begin()->first;
  base->pin.reset();
  REQUIRE(leader.store->merge(0).has_value());
  CHECK_FALSE(leader.fs->exists(leader.dir().segment_path(first)).value());
}

TEST_CASE("a damaged state is not handed on") {
  Node leader = leader_with_base();
  const auto base = leader.store->base_files();
  REQUIRE(base.has_value());
  const auto& info = base->state.segments.begin()->second;
  leader.fs->flip(leader.dir().segment_path(info.id), 200, '\x10');
  REQUIRE(leader.store->verify({}).has_value());
  const kv::format::Edit edits[] = {kv::format::Quarantine{info.id, 192, 64, 1, 1, false}};
  REQUIRE(leader.dir().manifest().append(edits).has_value());
  CHECK_FALSE(leader.store->base_files().has_value());
}
