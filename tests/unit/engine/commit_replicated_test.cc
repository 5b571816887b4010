#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/answer.h"

using kv::Background;
using kv::Errc;
using kv::StoreImpl;
using kv::engine::ForeignRecord;
using kv::engine::LogRecord;
using kv::format::RecordHeader;
using kv::format::RecordType;
using kv::io::CrashMode;
using kv::io::SimFileSystem;
using kv::test::Answer;

// The log of one node, driven as replication drives it, beside a model of it.
namespace {

struct ModelRecord {
  RecordHeader header;
  std::string key;
  std::string value;
  std::uint64_t chain = 0;
};

RecordHeader header_of(RecordType type, std::string_view key, std::string_view value) {
  RecordHeader header;
  header.type = type;
  header.key_size = static_cast<std::uint32_t>(key.size());
  header.value_size = static_cast<std::uint32_t>(value.size());
  header.key_crc = kv::base::crc32c(key);
  header.body_crc = kv::base::crc32c_extend(header.key_crc, value);
  return header;
}

struct ReplicatedStore {
  SimFileSystem fs;
  kv::Options options;
  std::unique_ptr<StoreImpl> store;
  std::vector<ModelRecord> log;  // the record of sequence n at n - 1
  std::uint64_t committed = 0;
  std::uint64_t cut_from = 0;  // a roll-back that the power may have cut off; 0: none
  std::uint64_t term = 1;
  std::uint64_t claimed_term = 0;  // what the last open told of
  std::uint64_t claimed_sequence = 0;
  bool may_ack_local = false;

  explicit ReplicatedStore(std::uint64_t seed = 1) : fs(seed) {
    options.segment_size_max = 4096;
    options.scrub_rate = 0;
    open();
  }
  ~ReplicatedStore() { store.reset(); }

  void open() {
    auto opened = try_open();
    REQUIRE_MESSAGE(opened.has_value(), describe(opened.error()));
  }
  kv::Result<void> try_open() {
    const auto on_lost = [this](std::uint64_t lost_term, std::uint64_t sequence) {
      claimed_term = lost_term;
      claimed_sequence = sequence;
      return kv::Result<void>();
    };
    auto opened =
        StoreImpl::open(fs, "/db", options, Background::kCaller,
                        kv::Replicated{committed, {}, on_lost, [this] { return may_ack_local; }});
    if (!opened) return tl::unexpected(std::move(opened).error());
    store = std::move(*opened);
    return {};
  }
  kv::engine::CommitPipeline& pipeline() { return store->pipeline(); }

  std::uint64_t chain_at(std::uint64_t sequence) const {
    return sequence == 0 ? kv::format::kChainStart : log[sequence - 1].chain;
  }
  void note(RecordHeader header, std::string key, std::string value) {
    const std::uint64_t chain = kv::format::extend_chain(chain_at(log.size()), header);
    log.push_back({header, std::move(key), std::move(value), chain});
  }

  // As from a leader of `term`.
  void append(RecordType type, const std::string& key, const std::string& value) {
    RecordHeader header = header_of(type, key, value);
    header.term = term;
    header.sequence = log.size() + 1;
    const std::string body = key + value;
    const ForeignRecord record{header, body};
    const auto appended = pipeline().append({&record, 1});
    REQUIRE((appended.has_value() || !fs.is_on()));
    if (appended) note(header, key, value);
  }
  void put(const std::string& key, const std::string& value) {
    append(RecordType::kPut, key, value);
  }
  void sync() {
    pipeline().flush(kv::ReadMode::kMayBlock);
    const auto synced = pipeline().sync();
    store->work();
    if (!fs.is_on()) return;
    REQUIRE(synced.has_value());
    CHECK(pipeline().last_sequence() == log.size());
    CHECK(pipeline().synced_sequence() == log.size());
  }
  void commit(std::uint64_t sequence) {
    committed = std::max(committed, sequence);
    pipeline().commit(sequence);
    store->work();
  }
  void roll_back(std::uint64_t first) {
    cut_from = first;
    const auto done = store->roll_back(first, chain_at(first - 1));
    if (done) {
      log.resize(first - 1);
      cut_from = 0;
    }
    store->work();
    if (!fs.is_on()) return;
    REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
    CHECK(pipeline().last_sequence() == log.size());
  }
  // A leader's own writes are in the log as it says.
  void take_written(const std::string& key, const std::string& value) {
    std::vector<LogRecord> records;
    pipeline().take_written(records);
    for (const LogRecord& record : records) {
      RecordHeader header = header_of(record.type, record.type == RecordType::kNoop ? "" : key,
                                      record.type == RecordType::kPut ? value : "");
      header.term = record.term;
      header.sequence = record.sequence;
      CHECK(record.sequence == log.size() + 1);
      note(header, key, value);
      CHECK(record.chain == log.back().chain);
      CHECK(record.body_crc == header.body_crc);
    }
  }

  std::map<std::string, std::string> expected() const {
    std::map<std::string, std::string> state;
    for (std::uint64_t i = 0; i < committed; ++i) {
      if (log[i].header.type == RecordType::kPut) state[log[i].key] = log[i].value;
      if (log[i].header.type == RecordType::kDelete) state.erase(log[i].key);
    }
    return state;
  }
  std::map<std::string, std::string> found() const {
    std::map<std::string, std::string> state;
    auto cursor = store->range({}, store->snapshot());
    for (;;) {
      const auto step = cursor.next(kv::ReadMode::kMayBlock);
      REQUIRE_MESSAGE(step.has_value(), describe(step.error()));
      if (*step == kv::Cursor::Step::kEnd) return state;
      state[cursor.item().key] = cursor.item().value;
    }
  }
  void check() {
    CHECK(found() == expected());
    CHECK(pipeline().applied_sequence() == committed);
  }
  // After a crash: what was synced is there, and nothing that never was. The power may go again
  // after `changes` of the opening, which then begins anew.
  void reopen(CrashMode mode, std::uint64_t variant, std::uint64_t hint,
              std::optional<std::uint64_t> changes = {}) {
    const std::uint64_t synced = pipeline().synced_sequence();
    const std::uint64_t was_committed = committed;
    fs.lose_power();
    store.reset();
    fs.restart(mode, variant);
    committed = hint;
    if (changes) fs.lose_power_after(*changes);
    if (const auto opened = try_open(); !opened || !fs.is_on()) {
      REQUIRE(!fs.is_on());
      store.reset();
      fs.restart(mode, variant + 1);
      open();
    }
    fs.keep_power();
    // What is sealed was committed.
    committed = pipeline().committed_sequence();
    REQUIRE(committed >= hint);
    REQUIRE(committed <= was_committed);
    const std::uint64_t last = pipeline().last_sequence();
    // A roll-back that was cut off is done or not done.
    const bool is_rolled_back = cut_from != 0 && last == cut_from - 1;
    REQUIRE((is_rolled_back || last >= synced));
    REQUIRE(last <= log.size());
    cut_from = 0;
    log.resize(last);
    CHECK(pipeline().chain() == chain_at(last));
    CHECK(store->lost_sequence() == 0);
    check();
    commit(std::min(was_committed, last));
    check();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ReplicatedStore,
                  "what is not committed is not seen, and is there after a crash") {
  put("a", "1");
  put("b", "1");
  sync();
  CHECK(found().empty());
  commit(1);
  CHECK(found() == std::map<std::string, std::string>{{"a", "1"}});
  reopen(CrashMode::kLoseUnsynced, 0, 1);
  CHECK(found() == std::map<std::string, std::string>{{"a", "1"}});
  commit(2);
  CHECK(found().size() == 2);
}

TEST_CASE_FIXTURE(ReplicatedStore, "a leader's writes are acknowledged and seen once committed") {
  pipeline().lead(7);
  Answer answer;
  store->submit(kv::test::put("a", "1"), answer, {});
  pipeline().flush(kv::ReadMode::kMayBlock);
  REQUIRE(pipeline().sync().has_value());
  take_written("a", "1");
  REQUIRE(log.size() == 1);
  CHECK(log[0].header.term == 7);
  CHECK_FALSE(answer.is_there);
  CHECK(found().empty());
  commit(1);
  REQUIRE(answer.is_there);
  CHECK(answer.wait()->version == 1);
  CHECK(found().size() == 1);
}

TEST_CASE_FIXTURE(ReplicatedStore, "a write is acknowledged from this disk where that is allowed") {
  pipeline().lead(7);
  may_ack_local = true;
  kv::Write write = kv::test::put("a", "1");
  write.options.ack = kv::Ack::kLocal;
  Answer local;
  Answer waiting;
  store->submit(write, local, {});
  store->submit(kv::test::put("b", "1"), waiting, {});
  pipeline().flush(kv::ReadMode::kMayBlock);
  CHECK_FALSE(local.is_there);  // not on the disk
  REQUIRE(pipeline().sync().has_value());
  REQUIRE(local.is_there);
  const auto told = local.wait();
  REQUIRE(told.has_value());
  CHECK(told->version == 1);
  CHECK(told->local_epoch == 7);
  CHECK(pipeline().local_sequence() == 1);
  CHECK_FALSE(waiting.is_there);
  CHECK(found().empty());  // nobody sees it
  SUBCASE("it is committed later, and told once") {
    std::vector<kv::engine::LogRecord> written;
    pipeline().take_written(written);
    REQUIRE(written.size() == 2);
    local.is_there = false;
    commit(2);
    CHECK_FALSE(local.is_there);
    CHECK(waiting.wait()->local_epoch == 0);
    CHECK(found().size() == 2);
  }
  SUBCASE("it is taken back") {
    pipeline().follow({Errc::kNotLeader, "", {}});
    local.is_there = false;
    roll_back(1);
    CHECK_FALSE(local.is_there);
    CHECK_FALSE(waiting.wait().has_value());
    CHECK(pipeline().local_sequence() == 0);
    CHECK(found().empty());
  }
  SUBCASE("not where it is not allowed any more") {
    may_ack_local = false;
    Answer late;
    store->submit(write, late, {});
    REQUIRE(pipeline().sync().has_value());
    CHECK_FALSE(late.is_there);
    std::vector<kv::engine::LogRecord> written;
    pipeline().take_written(written);
    REQUIRE(written.size() == 3);
    commit(3);
    CHECK(late.wait()->local_epoch == 0);
  }
}

TEST_CASE_FIXTURE(ReplicatedStore, "who does not lead takes no writes") {
  Answer answer;
  store->submit(kv::test::put("a", "1"), answer, {});
  CHECK(answer.wait().error().code == Errc::kNotLeader);
  pipeline().lead(1);
  pipeline().follow({Errc::kNotLeader, "leader=2", {}});
  Answer again;
  store->submit(kv::test::put("a", "1"), again, {});
  CHECK(again.wait().error().context == "leader=2");
}

TEST_CASE_FIXTURE(ReplicatedStore, "a refused condition waits for a record of its own") {
  put("a", "1");
  sync();
  commit(1);
  pipeline().lead(2);
  Answer answer;
  store->submit(kv::test::put("a", "2", kv::Condition::Kind::kAbsent), answer, {});
  pipeline().flush(kv::ReadMode::kMayBlock);
  REQUIRE(pipeline().sync().has_value());
  CHECK_FALSE(answer.is_there);
  commit(2);
  CHECK(answer.wait().error().code == Errc::kConflict);
}

TEST_CASE_FIXTURE(ReplicatedStore,
                  "who waits for what is rolled back hears that its fate is open") {
  pipeline().lead(1);
  Answer first;
  Answer second;
  store->submit(kv::test::put("a", "1"), first, {});
  store->submit(kv::test::put("b", "1"), second, {});
  pipeline().flush(kv::ReadMode::kMayBlock);
  REQUIRE(pipeline().sync().has_value());
  std::vector<LogRecord> records;
  pipeline().take_written(records);
  REQUIRE(records.size() == 2);
  commit(1);
  CHECK(first.wait().has_value());
  pipeline().follow({Errc::kNotLeader, "leader=2", {}});
  REQUIRE(store->roll_back(2, records[0].chain).has_value());
  // Another node may have it, become leader, and commit it.
  CHECK(second.wait().error().code == Errc::kUnknownOutcome);
  CHECK(pipeline().last_sequence() == 1);
}

TEST_CASE_FIXTURE(ReplicatedStore, "what nobody else ever heard of is rolled back for certain") {
  pipeline().lead(1);
  Answer answer;
  store->submit(kv::test::put("a", "1"), answer, {});
  pipeline().follow({Errc::kNotLeader, "leader=2", {}});
  REQUIRE(store->roll_back(1, kv::format::kChainStart).has_value());
  CHECK(answer.wait().error().code == Errc::kNotLeader);
  CHECK(pipeline().last_sequence() == 0);
}

TEST_CASE_FIXTURE(ReplicatedStore, "an update that changes nothing waits for a record of its own") {
  struct Nothing final : kv::ValueUpdate {
    kv::Result<Action> apply(std::optional<std::string_view>, std::string&) override {
      return Action::kNothing;
    }
  } nothing;
  put("a", "1");
  sync();
  commit(1);
  pipeline().lead(2);
  kv::Write write;
  write.kind = kv::Write::Kind::kUpdate;
  write.key = "a";
  write.update = &nothing;
  Answer answer;
  store->submit(write, answer, {});
  pipeline().flush(kv::ReadMode::kMayBlock);
  REQUIRE(pipeline().sync().has_value());
  CHECK_FALSE(answer.is_there);
  commit(2);
  CHECK(answer.wait().has_value());
}

TEST_CASE_FIXTURE(ReplicatedStore, "a store that is closed leaves nobody waiting") {
  pipeline().lead(1);
  Answer answer;
  store->submit(kv::test::put("a", "1"), answer, {});
  REQUIRE(store->close().has_value());
  CHECK(answer.wait().error().code == Errc::kUnknownOutcome);
}

TEST_CASE_FIXTURE(ReplicatedStore, "a roll-back that fails stops the store, which can be closed") {
  put("a", "1");
  put("b", "1");
  sync();
  fs.set_capacity(0);
  CHECK_FALSE(store->roll_back(2, chain_at(1)).has_value());
  CHECK(pipeline().failure().has_value());
  CHECK_FALSE(store->close().has_value());
}

TEST_CASE_FIXTURE(ReplicatedStore, "after a failed write nothing is rolled back") {
  put("a", "1");
  sync();
  fs.plan({.operation = kv::io::SimOperation::kWrite, .path_part = ".seg"});
  put("b", std::string(1000, 'b'));
  put("c", "1");
  pipeline().flush(kv::ReadMode::kMayBlock);
  REQUIRE(pipeline().failure().has_value());
  // Its clients look for whoever leads next.
  Answer answer;
  store->submit(kv::test::put("d", "1"), answer, {});
  CHECK(answer.wait().error().code == Errc::kNotLeader);
  const auto done = store->roll_back(3, chain_at(2));
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == Errc::kReadOnly);
  log.resize(1);
  reopen(CrashMode::kKeepCache, 0, 0);
}

TEST_CASE_FIXTURE(ReplicatedStore, "what was rolled back does not come again") {
  for (int i = 0; i < 30; ++i) {
    put("k" + std::to_string(i % 3), std::string(400, 'a'));
    sync();
  }
  commit(4);
  roll_back(6);  // in the first of several segments
  check();
  reopen(CrashMode::kLoseUnsynced, 0, 4);
  CHECK(log.size() == 5);
  term = 2;
  put("k0", "new");
  sync();
  reopen(CrashMode::kLoseUnsynced, 0, 4);
  CHECK(log.size() == 6);
  commit(6);
  CHECK(found()["k0"] == "new");
  check();
}

TEST_CASE_FIXTURE(ReplicatedStore, "a segment's first record can be rolled back") {
  put("a", "1");
  sync();
  roll_back(1);
  CHECK(log.empty());
  term = 2;
  put("b", "2");
  sync();
  commit(1);
  check();
  reopen(CrashMode::kLoseUnsynced, 0, 1);
}

TEST_CASE_FIXTURE(ReplicatedStore, "segments are sealed once all in them is committed") {
  for (int i = 0; i < 40; ++i) {
    put("k" + std::to_string(i), std::string(400, 'a'));
    sync();
  }
  const auto sealed = [&] {
    int count = 0;
    for (const auto& segment : *store->segments().all()) count += segment->is_sealed ? 1 : 0;
    return count;
  };
  CHECK(sealed() == 0);
  commit(20);
  CHECK(sealed() > 0);
  const int before = sealed();
  commit(40);
  CHECK(sealed() > before);
}

namespace {

constexpr CrashMode kPowerModes[] = {CrashMode::kKeepCache, CrashMode::kLoseUnsynced,
                                     CrashMode::kKeepAll, CrashMode::kRandom};

// Several segments, of which a roll-back keeps the beginning of the first.
void fill(ReplicatedStore& node) {
  for (int i = 0; i < 30; ++i) {
    node.put("k" + std::to_string(i % 3), std::string(400, 'a'));
    if (i % 2 == 0) node.sync();
  }
  node.sync();
  node.commit(4);
}

// The log takes what comes next, and keeps it.
void go_on(ReplicatedStore& node) {
  if (node.log.size() > 5) node.roll_back(6);
  node.term += 1;
  node.put("k0", "new");
  node.sync();
  node.reopen(CrashMode::kLoseUnsynced, 0, 4);
  CHECK(node.log.size() == 6);
  node.commit(6);
  node.check();
}

}  // namespace

TEST_CASE("a roll-back that is cut off at any change is done or not done") {
  for (const CrashMode mode : kPowerModes) {
    for (std::uint64_t changes = 0;; ++changes) {
      CAPTURE(changes);
      ReplicatedStore node;
      fill(node);
      node.fs.lose_power_after(changes);
      node.roll_back(6);
      if (node.fs.is_on()) break;
      CAPTURE(node.fs.last_words());
      node.reopen(mode, changes, 4);
      go_on(node);
    }
  }
}

TEST_CASE("so is the opening after it") {
  for (const CrashMode mode : kPowerModes) {
    for (std::uint64_t changes = 0;; ++changes) {
      CAPTURE(changes);
      ReplicatedStore node;
      fill(node);
      node.roll_back(6);
      node.put("k1", "not synced");
      node.pipeline().flush(kv::ReadMode::kMayBlock);
      const std::uint64_t before = node.fs.changes();
      node.reopen(mode, changes, 4, changes);
      const bool was_cut = node.fs.changes() - before > changes;
      CHECK(node.log.size() <= 6);
      go_on(node);
      if (!was_cut) break;
    }
  }
}

TEST_CASE("random lives of a replicated log") {
  const char* const given = std::getenv("KV_SEED");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t first_seed = given != nullptr ? std::stoull(given) : 1;
  const std::uint64_t seeds = given != nullptr ? 1 : 300;
  std::uint64_t deaths = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    CAPTURE(seed);
    ReplicatedStore node(seed);
    kv::io::SimRandom random(seed);
    const auto up_to = [&](std::uint64_t max) { return max == 0 ? 0 : random.below(max + 1); };
    const auto reopen = [&] {
      const CrashMode mode = random.below(2) == 0 ? CrashMode::kLoseUnsynced : CrashMode::kRandom;
      std::optional<std::uint64_t> changes;
      if (random.below(4) == 0) changes = random.below(30);
      node.reopen(mode, random.below(1000), up_to(node.committed), changes);
    };
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      const std::string key = "k" + std::to_string(random.below(8));
      // The power may go in the midst of it.
      if (random.below(8) == 0) node.fs.lose_power_after(random.below(12));
      switch (random.below(10)) {
        case 0:
        case 1:
        case 2:
          for (std::uint64_t i = up_to(12); i > 0; --i) {
            const std::string name = "k" + std::to_string(random.below(8));
            const auto kind = random.below(6);
            if (kind == 0) {
              node.append(RecordType::kDelete, name, "");
            } else if (kind == 1) {
              node.append(RecordType::kNoop, "", "");
            } else {
              node.put(name, std::string(random.below(900), static_cast<char>('a' + step % 26)));
            }
          }
          break;
        case 3:
        case 4:
          node.sync();
          break;
        case 5:
        case 6: {
          const std::uint64_t synced = node.pipeline().synced_sequence();
          if (synced > node.committed) {
            node.commit(node.committed + up_to(synced - node.committed));
          }
          if (node.fs.is_on()) node.check();
          break;
        }
        case 7:
          if (node.log.size() > node.committed) {
            node.pipeline().flush(kv::ReadMode::kMayBlock);
            node.roll_back(node.committed + 1 + random.below(node.log.size() - node.committed));
            node.term += 1;
          }
          break;
        case 8:
          reopen();
          break;
        default:
          node.check();
      }
      if (node.fs.is_on()) continue;
      deaths += 1;
      reopen();
    }
  }
  CHECK((given != nullptr || deaths > seeds));
}

TEST_CASE_FIXTURE(ReplicatedStore, "damage ends a replicated log, and what was durable is told") {
  for (int i = 0; i < 6; ++i) {
    term = static_cast<std::uint64_t>(i) / 2 + 1;
    put("k" + std::to_string(i), std::string(100, 'a'));
    sync();
  }
  commit(1);
  std::string path;
  for (const auto& segment : *store->segments().all()) {
    if (segment->last_sequence == 6) path = segment->path();
  }
  // Two records, each behind the first with a sync mark in front, as the third one has.
  const std::uint64_t third = 64 + 2 * 152 + 2 * 72;
  fs.lose_power();
  store.reset();
  fs.restart(CrashMode::kLoseUnsynced);
  fs.flip(path, third + 60, 1);
  open();
  const std::uint64_t last = pipeline().last_sequence();
  CHECK(last == 2);
  CHECK(store->lost_sequence() >= 5);  // as the newest mark says
  CHECK(store->lost_sequence() <= 6);
  CHECK(store->lost_term() == 3);
  CHECK(claimed_term == 3);
  CHECK(claimed_sequence == store->lost_sequence());
  log.resize(last);
  CHECK(pipeline().chain() == chain_at(last));
  term = 4;
  put("b", "2");
  sync();
  commit(3);
  check();
}

TEST_CASE_FIXTURE(ReplicatedStore, "what proves a loss stays until the loss was noted") {
  put("a", std::string(100, 'a'));
  sync();
  put("b", "1");
  sync();
  std::string path;
  for (const auto& segment : *store->segments().all()) {
    if (segment->last_sequence == 2) path = segment->path();
  }
  fs.lose_power();
  store.reset();
  fs.restart(CrashMode::kLoseUnsynced);
  fs.flip(path, 64 + 60, 1);
  const auto refuses = [](std::uint64_t, std::uint64_t) {
    return kv::Result<void>(tl::unexpected(kv::Error{Errc::kIo, "for the test", {}}));
  };
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(
        StoreImpl::open(fs, "/db", options, Background::kCaller, kv::Replicated{0, {}, refuses})
            .has_value());
  }
  open();
  CHECK(claimed_sequence >= 1);
}

// The last record of all lies in a segment of its own, and no mark tells that it was synced.
TEST_CASE_FIXTURE(ReplicatedStore, "what was durable in segments behind damage is told, too") {
  put("a", std::string(100, 'a'));
  sync();
  put("b", "1");
  sync();
  std::string path;
  for (const auto& segment : *store->segments().all()) {
    if (segment->last_sequence == 2) path = segment->path();
  }
  const auto begun = [&] {
    for (const auto& segment : *store->segments().all()) {
      if (segment->last_sequence == log.size() && segment->path() != path) return true;
    }
    return false;
  };
  while (!begun()) {
    put("c", std::string(1000, 'c'));
    sync();
  }
  const std::uint64_t last = log.size();
  fs.lose_power();
  store.reset();
  fs.restart(CrashMode::kLoseUnsynced);
  fs.flip(path, 64 + 60, 1);
  // At once: a start that ends behind the first word must not leave less to be told.
  std::vector<std::uint64_t> told;
  const auto refuses = [&](std::uint64_t, std::uint64_t sequence) {
    told.push_back(sequence);
    return kv::Result<void>(tl::unexpected(kv::Error{Errc::kIo, "for the test", {}}));
  };
  CHECK_FALSE(
      StoreImpl::open(fs, "/db", options, Background::kCaller, kv::Replicated{0, {}, refuses})
          .has_value());
  CHECK(told == std::vector{last});
  open();
  CHECK(pipeline().last_sequence() < last);
  CHECK(claimed_sequence == last);
}
