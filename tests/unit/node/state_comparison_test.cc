#include "node/state_comparison.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/incoming.h"
#include "format/identity.h"
#include "io/sim_file_system.h"
#include "node/replica.h"
#include "peer/frame_reader.h"

using namespace kv;
using node::ComparisonNews;
using raft::Instant;
using raft::NodeId;

namespace {

// A member that is opened again when its replica says so, as a process does.
struct Member final : node::ReplicaListener {
  std::uint64_t id;
  io::SimFileSystem fs;
  std::unique_ptr<StoreImpl> store;
  std::unique_ptr<node::HardStateFile> hard_state;
  std::unique_ptr<node::MembersFile> members;
  std::unique_ptr<node::Replica> replica;
  std::deque<std::pair<NodeId, std::string>> sent;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs;
  std::vector<ComparisonNews> news;
  int replaced = 0;
  bool is_new = true;

  explicit Member(std::uint64_t number) : id(number), fs(number) {}

  void open(const format::Membership& membership, const Instant& now) {
    auto dir = engine::DataDirectory::open(fs, "/db", "test", true, nullptr);
    REQUIRE(dir.has_value());
    const std::uint64_t hash = format::database_id_hash((*dir)->identity());
    hard_state = *node::HardStateFile::open(fs, "/db", hash, node::Memory::kMayBeNew);
    members = is_new ? *node::MembersFile::create(fs, "/db", hash, membership)
                     : *node::MembersFile::open(fs, "/db", hash);
    Options options;
    options.segment_size_max = 4096;
    options.scrub_rate = 0;
    options.value_cache_max = 0;  // what is forged is to be seen
    const Replicated replicated{hard_state->state().commit_hint, {}, {}, [] { return false; }};
    store = *StoreImpl::open(std::move(*dir), options, Background::kCaller, replicated);
    const node::Self self{NodeId{id}, {1, id}, false};
    node::Replica::Parts parts{*store, *hard_state, *members, *this};
    parts.log_retention = 0;
    parts.compare_us = 0;
    replica = std::make_unique<node::Replica>(parts, self, raft::Settings{}, id, now);
  }
  void open_again(const Instant& now) {
    const format::ManifestState next = *replica->replacement();
    replica.reset();
    jobs.clear();
    sent.clear();
    REQUIRE(store->close().has_value());
    REQUIRE(engine::replace_state(store->directory(), next).has_value());
    store.reset();
    replaced += 1;
    is_new = false;
    open({}, now);
  }
  // As a process does that ends and is started again.
  void restart(const Instant& now, const std::function<void()>& meanwhile) {
    replica.reset();
    jobs.clear();
    sent.clear();
    REQUIRE(store->close().has_value());
    store.reset();
    meanwhile();
    is_new = false;
    open({}, now);
  }
  void put(const std::string& key, const std::string& value) {
    struct Nobody final : WriteListener {
      void on_written(const WriteTag&, Result<WriteResult>) override {}
    };
    static Nobody nobody;
    Write write;
    write.kind = Write::Kind::kPut;
    write.key = key;
    write.value = value;
    store->submit(write, nobody, {});
    store->flush(ReadMode::kMayBlock);
    store->work();
  }
  std::string value_of(const std::string& key) const {
    const auto found = store->get(key, ReadMode::kMayBlock);
    REQUIRE(found.has_value());
    return *found ? (*found)->bytes : "";
  }
  // Behind everybody's back, with checksums that are right.
  void forge(const std::string& key, const std::string& value) {
    const auto place = store->index().find(key);
    REQUIRE(place.has_value());
    const auto segment = store->segments().find(place->slot());
    auto file = fs.open(segment->path(), io::OpenMode::kReadWrite);
    REQUIRE(file.has_value());
    const auto header = segment->read_header(**file, *place, ReadMode::kMayBlock);
    REQUIRE(header.has_value());
    std::string bytes;
    format::append_record(bytes, *header, key, value, segment->salt());
    const std::string_view pieces[] = {bytes};
    REQUIRE((*file)->write_at(place->offset(), pieces).has_value());
    REQUIRE((*file)->sync().has_value());
  }
  std::vector<ComparisonNews::Kind> kinds() const {
    std::vector<ComparisonNews::Kind> out;
    for (const ComparisonNews& one : news) out.push_back(one.kind);
    return out;
  }

  void send(NodeId to, peer::Gather frame) override { sent.emplace_back(to, frame.joined()); }
  void on_lease(const std::optional<Instant>&, raft::Seq) override {}
  void on_role(const raft::RoleChange&) override {}
  void on_read(const raft::ReadResult&) override {}
  void on_alarm(const raft::Alarm&) override { FAIL("an alarm"); }
  void on_members() override {}
  void on_base(const node::BaseNews&) override {}
  void on_repair(const node::RepairNews&) override {}
  void on_comparison(const ComparisonNews& one) override { news.push_back(one); }
  void run_aside(std::function<void()> job, std::function<void()> done) override {
    jobs.emplace_back(std::move(job), std::move(done));
  }
};

struct ThreeMembers {
  std::array<Member, 3> all{Member{1}, Member{2}, Member{3}};
  std::optional<std::uint64_t> cut_off;
  Instant now{10'000'000, 10'000'000};

  ThreeMembers() {
    format::Membership membership;
    membership.election_us = 300'000;
    for (const Member& one : all) {
      format::Member member;
      member.node_id = one.id;
      member.node_uuid = {1, one.id};
      member.peer_address = "h:1";
      membership.members.push_back(member);
    }
    for (Member& one : all) one.open(membership, now);
  }
  void deliver(const std::string& bytes, Member& to) const {
    peer::FrameReader reader;
    std::string_view rest = bytes;
    auto frame = reader.take(rest);
    REQUIRE((frame && *frame));
    if (peer::is_snapshot((*frame)->type)) {
      to.replica->receive(*peer::decode_snapshot(std::move(**frame)), now);
    } else if (peer::is_fingerprint((*frame)->type)) {
      to.replica->receive(*peer::decode_fingerprint(**frame), now);
    } else {
      to.replica->receive(*peer::decode_message(std::move(**frame)), now);
    }
  }
  void step() {
    now.boot_us += 10'000;
    now.raw_us += 10'000;
    for (Member& one : all) {
      if (one.replica->replacement()) one.open_again(now);
      one.store->work();
      one.replica->work(now);
      if (!one.replica->is_whole()) [[maybe_unused]]
        const auto asked = one.replica->read_index(1, now);
      for (auto& [job, done] : std::exchange(one.jobs, {})) {
        job();
        done();
      }
      for (auto& [to, frame] : std::exchange(one.sent, {})) {
        Member& receiver = all[static_cast<std::size_t>(to) - 1];
        if (cut_off == one.id || cut_off == receiver.id) continue;
        deliver(frame, receiver);
      }
    }
  }
  template <class Condition>
  void run_until(Condition is_so) {
    for (int i = 0; i < 2000 && !is_so(); ++i) step();
    REQUIRE(is_so());
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }
  Member& leader() {
    Member* found = nullptr;
    run_until([&] {
      for (Member& one : all) {
        if (one.replica->core().serves() && cut_off != one.id) found = &one;
      }
      return found != nullptr;
    });
    return *found;
  }
  Member& follower() {
    const Member& leads = leader();
    return &leads == all.data() ? all[1] : all[0];
  }
  bool are_level() {
    const auto all_applied = [&](raft::Seq seq) {
      for (const Member& one : all) {
        if (one.replica->applied() != seq || one.replica->is_over()) return false;
      }
      return true;
    };
    return all_applied(leader().replica->core().last().seq);
  }
  void fill(const std::string& value = "value") {
    for (int i = 0; i < 200; ++i) leader().put(key(i), value + std::to_string(i));
    step();  // else the log's end is that of before
    run_until([&] { return are_level(); });
  }
  static std::string key(int number) { return "key" + std::to_string(number); }
  void compare() { REQUIRE(leader().replica->compare(now).has_value()); }
};

}  // namespace

TEST_CASE_FIXTURE(ThreeMembers, "members that hold the same are found to") {
  fill();
  // Each has its records in other places then.
  REQUIRE(follower().store->merge(0).has_value());
  compare();
  run_until([&] { return leader().replica->comparison().members_the_same() == 3; });
  CHECK(leader().replica->comparison().compared() == leader().replica->core().last().seq);
  REQUIRE(leader().news.size() == 1);
  CHECK(leader().news[0].kind == ComparisonNews::Kind::kSame);
  CHECK(leader().news[0].keys == 200);
  run(300);
  for (const Member& one : all) CHECK(one.replaced == 0);
}

TEST_CASE_FIXTURE(ThreeMembers, "what is written meanwhile is not compared") {
  fill();
  compare();
  for (int i = 0; i < 200; ++i) {
    leader().put(key(i), "newer");
    if (i % 20 == 0) step();
  }
  run_until([&] { return leader().replica->comparison().members_the_same() == 3; });
}

TEST_CASE_FIXTURE(ThreeMembers, "a follower that holds something else begins anew") {
  fill();
  Member& odd = follower();
  const std::string right = odd.value_of(key(7));
  odd.forge(key(7), "VALUE7");
  REQUIRE(odd.value_of(key(7)) == "VALUE7");
  Member& leads = leader();
  compare();
  SUBCASE("at once") {}
  bool is_written_to = false;
  SUBCASE("while writes go on") { is_written_to = true; }
  SUBCASE("behind others, as its frames are lost for a while") {
    cut_off = odd.id;
    for (int i = 0; i < 50; ++i) leader().put("more" + std::to_string(i), "v");
    run(20);
    cut_off.reset();
  }
  int more = 0;
  run_until([&] {
    if (is_written_to) leads.put("more" + std::to_string(more++), "v");
    return odd.replaced == 1;
  });
  CHECK(odd.news.back().kind == ComparisonNews::Kind::kBeginsAnew);
  // Whoever asks it for its vote has to have what it had.
  CHECK(odd.hard_state->state().claimed_last.seq > 200);
  CHECK(leads.news.back().kind == ComparisonNews::Kind::kPeerDiffers);
  CHECK(leads.news.back().buckets == 1);
  run_until([&] { return are_level() && !odd.replica->core().is_damaged(); });
  CHECK(odd.value_of(key(7)) == right);
  CHECK(odd.hard_state->state().claimed_last == raft::Position{});
  compare();
  run_until([&] { return leader().replica->comparison().members_the_same() == 3; });
}

TEST_CASE_FIXTURE(ThreeMembers,
                  "a member where damage may hide keys begins anew, even if none is missing") {
  fill();
  Member& odd = follower();
  const auto place = *odd.store->index().find(key(0));
  const std::string path = odd.store->segments().find(place.slot())->path();
  fill("newer");
  odd.restart(now, [&] {
    auto file = odd.fs.open(path, io::OpenMode::kReadWrite);
    REQUIRE(file.has_value());
    const std::string nothing(format::kRecordHeaderSize + key(0).size(), '\xff');
    const std::string_view pieces[] = {nothing};
    REQUIRE((*file)->write_at(place.offset(), pieces).has_value());
    REQUIRE((*file)->sync().has_value());
    REQUIRE(odd.fs.remove(path.substr(0, path.rfind('.')) + ".hint").has_value());
  });
  REQUIRE(odd.store->hidden_damage().any().has_value());
  run_until([&] { return are_level() && odd.replica->is_whole(); });
  for (int i = 0; i < 200; ++i) CHECK(odd.value_of(key(i)) == "newer" + std::to_string(i));
  CHECK_FALSE(odd.store->get("absent", ReadMode::kMayBlock).has_value());
  compare();
  run_until([&] { return odd.replaced == 1; });
  CHECK(odd.kinds() ==
        std::vector{ComparisonNews::Kind::kMayLack, ComparisonNews::Kind::kBeginsAnew});
  run_until([&] { return are_level() && odd.replica->is_whole(); });
  CHECK_FALSE(odd.store->hidden_damage().any().has_value());
  for (int i = 0; i < 200; ++i) CHECK(odd.value_of(key(i)) == "newer" + std::to_string(i));
  const auto absent = odd.store->get("absent", ReadMode::kMayBlock);
  CHECK((absent && !*absent));
  compare();
  run_until([&] { return leader().replica->comparison().members_the_same() == 3; });
}

TEST_CASE_FIXTURE(ThreeMembers, "a leader that holds something else hands over and begins anew") {
  fill();
  Member& odd = leader();
  const std::string right = odd.value_of(key(9));
  odd.forge(key(9), "VALUE9");
  compare();
  run_until([&] { return odd.replaced == 1; });
  CHECK(odd.news.front().kind == ComparisonNews::Kind::kSelfDiffers);
  CHECK(&leader() != &odd);
  run_until([&] { return are_level(); });
  CHECK(odd.value_of(key(9)) == right);
  for (const Member& one : all) CHECK(one.replaced == (&one == &odd ? 1 : 0));
}

TEST_CASE_FIXTURE(ThreeMembers, "without a majority that holds the same nobody gives up anything") {
  fill();
  all[0].forge(key(1), "VALUE1");
  all[1].forge(key(2), "VALUE2");
  compare();
  run_until([&] { return !leader().news.empty(); });
  run(300);
  CHECK(leader().kinds() == std::vector{ComparisonNews::Kind::kUndecided});
  for (const Member& one : all) CHECK(one.replaced == 0);
}

TEST_CASE_FIXTURE(ThreeMembers, "a member that differs stays while the rest is no majority") {
  fill();
  Member& odd = follower();
  odd.forge(key(7), "VALUE7");
  compare();
  run_until([&] {
    return !leader().news.empty() && leader().news.back().kind == ComparisonNews::Kind::kSame;
  });
  // The third one leaves before the odd one is let go.
  for (const Member& one : all) {
    if (&one != &odd && &one != &leader()) cut_off = one.id;
  }
  for (int i = 0; i < 20; ++i) leader().put("more" + std::to_string(i), "v");
  run(1500);
  CHECK(odd.replaced == 0);
  CHECK(odd.value_of("more19") == "v");
  cut_off.reset();
  run_until([&] { return odd.replaced == 1; });
}
