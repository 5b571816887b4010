#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "format/session.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/answer.h"

using kv::Background;
using kv::Condition;
using kv::Errc;
using kv::StoreImpl;
using kv::Write;
using kv::io::CrashMode;
using kv::io::SimFileSystem;
using kv::test::Answer;

namespace {

constexpr std::uint64_t kSession = 0x1234;

Write open_session(std::uint64_t session = kSession, std::uint64_t now_ms = 1000) {
  Write write;
  write.kind = Write::Kind::kOpenSession;
  write.session.session = session;
  write.session.now_ms = now_ms;
  return write;
}

Write request(std::uint64_t number, std::string_view key, std::string_view value,
              std::uint64_t done_below = 0) {
  Write write;
  write.key = key;
  write.value = value;
  write.session = {kSession, number, done_below, 2000};
  return write;
}

Write removal(std::uint64_t number, std::string_view key) {
  Write write = request(number, key, {});
  write.kind = Write::Kind::kDelete;
  return write;
}

struct SessionStore {
  SimFileSystem fs{1};
  kv::Options options;
  std::unique_ptr<StoreImpl> store;

  SessionStore() {
    options.segment_size_max = 4096;
    options.scrub_rate = 0;
    options.merges_automatically = false;
    open();
  }
  ~SessionStore() { store.reset(); }
  void open() {
    auto opened = StoreImpl::open(fs, "/db", options, Background::kCaller);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  void reopen() {
    store.reset();
    open();
  }
  void crash() {
    fs.lose_power();
    store.reset();
    fs.restart(CrashMode::kLoseUnsynced);
    open();
  }
  kv::Result<kv::WriteResult> write(const Write& write) { return store->write(write); }
  void begin() { REQUIRE(write(open_session()).has_value()); }
  kv::Version put(std::string_view key, std::string_view value) {
    Write plain;
    plain.key = key;
    plain.value = value;
    const auto done = write(plain);
    REQUIRE(done.has_value());
    return done->version;
  }
  std::string get(std::string_view key) const {
    const auto value = store->get(key, kv::ReadMode::kMayBlock);
    REQUIRE(value.has_value());
    return *value ? (*value)->bytes : "(none)";
  }
};

}  // namespace

TEST_CASE_FIXTURE(SessionStore, "a request is carried out once, and answered alike each time") {
  begin();
  const auto first = write(request(1, "key", "one"));
  REQUIRE(first.has_value());
  CHECK_FALSE(first->is_repeat);
  CHECK((*store->get("key", kv::ReadMode::kMayBlock))->version == first->version);
  const kv::Version other = put("key", "two");
  CHECK(other == first->version + 1);
  SUBCASE("at once") {}
  SUBCASE("after a restart") { reopen(); }
  SUBCASE("after a crash") { crash(); }
  SUBCASE("after a merge") {
    for (int i = 0; i < 30; ++i) put("filler", std::string(1000, 'x'));
    REQUIRE(store->merge(0).has_value());
    reopen();
  }
  const auto again = write(request(1, "key", "one"));
  REQUIRE(again.has_value());
  CHECK(again->is_repeat);
  CHECK(again->version == first->version);
  CHECK(get("key") == "two");
}

TEST_CASE_FIXTURE(SessionStore, "what has not come to the index yet is known already") {
  begin();
  Answer first;
  Answer again;
  Answer next;
  store->submit(request(1, "key", "one"), first, {});
  store->submit(request(1, "key", "one"), again, {});
  store->submit(request(2, "key", "two"), next, {});
  CHECK_FALSE(first.is_there);
  CHECK_FALSE(again.is_there);  // not before what it tells of is durable
  REQUIRE(store->sync().has_value());
  const auto told = first.wait();
  const auto told_again = again.wait();
  REQUIRE((told.has_value() && told_again.has_value()));
  CHECK(told_again->version == told->version);
  CHECK(told_again->is_repeat);
  CHECK(next.wait()->version == told->version + 1);
  CHECK(get("key") == "two");
}

TEST_CASE_FIXTURE(SessionStore, "batches, deletes, and conditions are remembered as they ended") {
  begin();
  kv::Batch batch;
  batch.put("a", "1");
  batch.put("b", "2");
  Write both;
  both.kind = Write::Kind::kBatch;
  both.batch = &batch;
  both.session = {kSession, 1, 0, 2000};
  const auto written = write(both);
  REQUIRE(written.has_value());
  REQUIRE(write(removal(2, "b")).has_value());
  CHECK_FALSE(write(removal(3, "b"))->was_found);
  Write absent = request(4, "a", "new");
  absent.options.condition.kind = Condition::Kind::kAbsent;
  const auto refused = write(absent);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kConflict);
  CHECK(refused.error().context.starts_with("ver=" + std::to_string(written->version) + " "));
  SUBCASE("at once") {}
  SUBCASE("after a crash") { crash(); }
  // Now each of them would do something else.
  put("b", "back");
  Write gone;
  gone.kind = Write::Kind::kDelete;
  gone.key = "a";
  REQUIRE(write(gone).has_value());
  CHECK(write(both)->version == written->version);
  CHECK(write(removal(2, "b"))->was_found);
  CHECK_FALSE(write(removal(3, "b"))->was_found);
  const auto again = write(absent);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().context == refused.error().context);
  CHECK(get("a") == "(none)");
  CHECK(get("b") == "back");
}

TEST_CASE_FIXTURE(SessionStore, "a session that is not there carries nothing out") {
  const auto refused = write(request(1, "key", "one"));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kSessionExpired);
  CHECK(get("key") == "(none)");
}

TEST_CASE_FIXTURE(SessionStore, "what the client said it has the answer to is never done again") {
  begin();
  REQUIRE(write(request(1, "key", "one")).has_value());
  REQUIRE(write(request(3, "key", "three", 3)).has_value());
  for (const std::uint64_t number : {1, 2}) {
    const auto late = write(request(number, "key", "late"));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Errc::kRequestForgotten);
  }
  CHECK(write(request(3, "key", "three"))->is_repeat);
  CHECK(get("key") == "three");
}

TEST_CASE_FIXTURE(SessionStore, "as many requests as are remembered, in any order, and no more") {
  begin();
  for (std::uint64_t i = kv::kSessionRequestsMax; i > 0; --i) {
    REQUIRE(write(request(i, "key" + std::to_string(i), "x")).has_value());
  }
  const auto more = write(request(65, "more", "x"));
  REQUIRE_FALSE(more.has_value());
  CHECK(more.error().code == Errc::kInvalidArgument);
  CHECK(get("more") == "(none)");
  CHECK(write(request(64, "key64", "x"))->is_repeat);
  REQUIRE(write(request(65, "more", "x", 2)).has_value());
  CHECK(get("more") == "x");
  CHECK(write(request(2, "key2", "x"))->is_repeat);
}

TEST_CASE_FIXTURE(SessionStore, "requests without a number, and updates, are refused") {
  begin();
  CHECK(write(request(0, "key", "x")).error().code == Errc::kInvalidArgument);
  CHECK(write(request(2, "key", "x", 3)).error().code == Errc::kInvalidArgument);
  Write update = request(1, "key", "x");
  update.kind = Write::Kind::kUpdate;
  CHECK(write(update).error().code == Errc::kInvalidArgument);
  kv::Batch batch;
  for (std::uint32_t i = 0; i < kv::kBatchCountMax; ++i) batch.put("k" + std::to_string(i), "");
  Write all;
  all.kind = Write::Kind::kBatch;
  all.batch = &batch;
  all.session = {kSession, 1, 0, 0};
  CHECK(write(all).error().code == Errc::kInvalidArgument);
  CHECK(store->stats().keys == 0);
}

TEST_CASE_FIXTURE(SessionStore, "users see nothing of sessions, and cannot write where they are") {
  const std::string top(31, '\xff');
  put("a", "1");
  put(top, "2");
  begin();
  REQUIRE(write(request(1, "b", "3")).has_value());
  const auto keys = [&](kv::RangeOptions range) {
    std::vector<std::string> found;
    auto cursor = store->range(std::move(range), store->snapshot());
    while (*cursor.next() == kv::Cursor::Step::kItem) found.push_back(cursor.item().key);
    return found;
  };
  using Keys = std::vector<std::string>;
  CHECK(keys({}) == Keys{"a", "b", top});
  kv::RangeOptions back;
  back.is_reverse = true;
  CHECK(keys(back) == Keys{top, "b", "a"});
  CHECK(keys(kv::prefix_range("\xff")) == Keys{top});
  kv::RangeOptions behind;
  behind.start = std::string(kv::kReservedKeyPrefix);
  CHECK(keys(behind).empty());
  kv::RangeOptions beyond;
  beyond.end = std::string(40, '\xff');
  CHECK(keys(beyond).size() == 3);
  CHECK(store->stats().keys == 3);
  CHECK(store->stats().sessions == 1);
  Write own;
  const std::string key = kv::format::session_key(kSession);
  own.key = key;
  own.value = "x";
  CHECK(write(own).error().code == Errc::kInvalidArgument);
  own.kind = Write::Kind::kDelete;
  CHECK(write(own).error().code == Errc::kInvalidArgument);
  kv::Batch batch;
  batch.put("fine", "x");
  batch.del(key);
  Write all;
  all.kind = Write::Kind::kBatch;
  all.batch = &batch;
  CHECK(write(all).error().code == Errc::kInvalidArgument);
  CHECK(write(request(2, key, "x")).error().code == Errc::kInvalidArgument);
}

TEST_CASE_FIXTURE(SessionStore, "sessions are counted, limited, and end when nobody uses them") {
  options.sessions_max = 3;
  reopen();
  REQUIRE(write(open_session(1, 100)).has_value());
  REQUIRE(write(open_session(2, 200)).has_value());
  REQUIRE(write(open_session(kSession, 150)).has_value());
  CHECK(write(open_session(4, 300)).error().code == Errc::kTryLater);
  CHECK(write(open_session(2, 300)).error().code == Errc::kTryLater);
  REQUIRE(write(request(1, "key", "x")).has_value());  // at 2000
  reopen();
  CHECK(store->stats().sessions == 3);
  CHECK(store->expire_sessions(200) == 1);
  CHECK(store->stats().sessions == 2);
  CHECK(write(open_session(2, 300)).error().code == Errc::kConflict);
  CHECK(store->expire_sessions(2000) == 1);
  CHECK(write(request(1, "key", "x"))->is_repeat);
  CHECK(store->expire_sessions(2001) == 1);
  CHECK(write(request(1, "key", "x")).error().code == Errc::kSessionExpired);
  CHECK(store->stats().sessions == 0);
  reopen();
  CHECK(store->stats().sessions == 0);
  CHECK(store->stats().keys == 1);
}

TEST_CASE_FIXTURE(SessionStore, "the time of use never goes back with a clock") {
  begin();
  REQUIRE(write(request(1, "key", "x")).has_value());  // at 2000
  Write early = request(2, "key", "y");
  early.session.now_ms = 5;
  REQUIRE(write(early).has_value());
  CHECK(store->expire_sessions(2000) == 0);
}

TEST_CASE_FIXTURE(SessionStore, "a session whose next request is on its way does not end") {
  begin();
  Answer used;
  store->submit(request(1, "key", "x"), used, {});  // at 2000
  CHECK(store->expire_sessions(1500) == 1);         // as of what could be read of it
  REQUIRE(store->sync().has_value());
  REQUIRE(used.wait().has_value());
  CHECK(store->stats().sessions == 1);
  CHECK(write(request(1, "key", "x"))->is_repeat);
}

TEST_CASE_FIXTURE(SessionStore, "a session's value that is none is told, and nothing is done") {
  Write bad;
  const std::string key = kv::format::session_key(kSession);
  bad.key = key;
  bad.value = "no session";
  Answer made;
  store->pipeline().submit_own(bad, made, {});
  REQUIRE(store->sync().has_value());
  REQUIRE(made.wait().has_value());
  CHECK(write(request(1, "key", "x")).error().code == Errc::kCorruption);
  CHECK(get("key") == "(none)");
  CHECK(store->expire_sessions(UINT64_MAX) == 0);
}

TEST_CASE("threads that repeat each other's requests do each of them once") {
  SimFileSystem fs(1);
  kv::Options options;
  options.sync = kv::Sync::kNone;
  options.segment_size_max = 16 * 1024;
  auto store = StoreImpl::open(fs, "/db", options, Background::kThreads);
  REQUIRE(store.has_value());
  REQUIRE((*store)->write(open_session()).has_value());
  constexpr int kThreads = 3;
  constexpr std::uint64_t kRequests = 500;
  std::vector<std::vector<kv::Version>> versions(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& own : versions) {
      threads.emplace_back([&] {
        for (std::uint64_t i = 1; i <= kRequests; ++i) {
          // Slower ones may be up to 60 requests behind.
          const std::uint64_t below = i > 60 ? i - 60 : 1;
          const auto done = (*store)->write(request(i, "key" + std::to_string(i), "x", below));
          own.push_back(done ? done->version : 0);
        }
      });
    }
  }
  for (std::uint64_t i = 1; i <= kRequests; ++i) {
    const auto value = (*store)->get("key" + std::to_string(i), kv::ReadMode::kMayBlock);
    REQUIRE((value && *value));
    for (const auto& own : versions) {
      const kv::Version told = own[i - 1];
      CHECK((told == (*value)->version || told == 0));  // 0: it came when it was forgotten
    }
  }
  CHECK((*store)->version() == kRequests + 1);
}

namespace {

struct LeadingStore {
  SimFileSystem fs{1};
  std::unique_ptr<StoreImpl> store;
  std::vector<kv::engine::LogRecord> log;

  LeadingStore() {
    kv::Options options;
    options.scrub_rate = 0;
    auto opened = StoreImpl::open(fs, "/db", options, Background::kCaller,
                                  kv::Replicated{0, {}, {}, [] { return true; }});
    REQUIRE(opened.has_value());
    store = std::move(*opened);
    store->pipeline().lead(1);
  }
  ~LeadingStore() { store.reset(); }
  void sync() {
    store->flush(kv::ReadMode::kMayBlock);
    REQUIRE(store->pipeline().sync().has_value());
    store->pipeline().take_written(log);
    store->work();
  }
  void commit_all() {
    sync();
    store->pipeline().commit(store->pipeline().last_sequence());
    store->work();
  }
};

}  // namespace

TEST_CASE_FIXTURE(LeadingStore,
                  "a repeated request waits for what it tells of, and is not a second record") {
  Answer opened;
  store->submit(open_session(), opened, {});
  commit_all();
  REQUIRE(opened.wait().has_value());
  Answer first;
  Answer again;
  Write write = request(1, "key", "one");
  write.options.ack = kv::Ack::kLocal;  // which sessions do not have
  store->submit(write, first, {});
  sync();
  store->submit(write, again, {});
  sync();
  CHECK_FALSE(first.is_there);
  CHECK_FALSE(again.is_there);
  CHECK(log.size() == 2);
  commit_all();
  const auto told = first.wait();
  REQUIRE(told.has_value());
  CHECK(told->local_epoch == 0);
  CHECK(again.wait()->version == told->version);
}

TEST_CASE_FIXTURE(LeadingStore, "a request that was rolled back is done when it is repeated") {
  Answer opened;
  store->submit(open_session(), opened, {});
  commit_all();
  Answer lost;
  store->submit(request(1, "key", "one"), lost, {});
  sync();
  REQUIRE(log.size() == 2);
  store->pipeline().follow({Errc::kNotLeader, "", {}});
  REQUIRE(store->roll_back(2, log[0].chain).has_value());
  CHECK(lost.wait().error().code == Errc::kUnknownOutcome);
  store->pipeline().lead(2);
  Answer again;
  store->submit(request(1, "key", "one"), again, {});
  commit_all();
  const auto told = again.wait();
  REQUIRE(told.has_value());
  CHECK_FALSE(told->is_repeat);
  CHECK((*store->get("key", kv::ReadMode::kMayBlock))->bytes == "one");
}

TEST_CASE_FIXTURE(LeadingStore, "that a session is not there is told once a record says so") {
  Answer answer;
  store->submit(request(1, "key", "one"), answer, {});
  sync();
  CHECK_FALSE(answer.is_there);
  CHECK(log.size() == 1);  // a NOOP
  commit_all();
  CHECK(answer.wait().error().code == Errc::kSessionExpired);
}
