#include "engine/commit_pipeline.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/engine/support/answer.h"

using kv::Condition;
using kv::Errc;
using kv::Error;
using kv::Result;
using kv::StoreImpl;
using kv::Write;
using kv::WriteResult;
using kv::test::Answer;
using kv::test::HookedFileSystem;
using kv::test::put;

namespace {

bool is_segment(const std::string& path) { return path.ends_with(".seg"); }
Result<void> no_space() {
  return tl::unexpected(Error{Errc::kNoSpace, "refused for the test", {}});
}

// Hooks that refer to what is local to a test are called until the store is closed, which the test
// therefore does itself.
struct ThreadedStore {
  kv::test::ScratchDir scratch;
  HookedFileSystem fs;
  kv::Options options;
  std::unique_ptr<StoreImpl> store;

  ThreadedStore() {
    options.merges_automatically = false;
    options.scrub_rate = 0;
    options.segment_size_max = 1024 * 1024;
  }
  void open() {
    auto opened = StoreImpl::open(fs, scratch.path() + "/db", options, kv::Background::kThreads);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
    REQUIRE(store->write(put("first", "1")));  // there is an active segment now
  }
  void send(const Write& write, Answer& answer) {
    store->submit(write, answer, {});
    store->flush(kv::ReadMode::kNoWait);
  }
};

// A hook that stops the first who comes by until it is opened.
struct Gate {
  std::atomic<bool> is_taken = false;
  std::promise<void> arrived;
  std::promise<void> opened;
  void pass() {
    if (is_taken.exchange(true)) return;
    arrived.set_value();
    opened.get_future().wait();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ThreadedStore, "a write that came during somebody else's sync is synced, too") {
  open();
  Gate gate;
  fs.on_sync = [&](const std::string& path) {
    if (is_segment(path)) gate.pass();
    return Result<void>();
  };
  Answer before;
  Answer meanwhile;
  store->submit(put("a", "1"), before, {});
  std::thread syncing([&] { CHECK(store->sync()); });
  gate.arrived.get_future().wait();
  send(put("b", "1"), meanwhile);
  gate.opened.set_value();
  syncing.join();
  CHECK(before.wait());
  CHECK(meanwhile.wait());  // nothing else is written that could wake anybody
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore,
                  "a flush that may block syncs by itself, unless the disk is slow") {
  constexpr int kTries = 1000;  // what comes in between now and then may make a write a slow one
  fs.skips_syncs = true;
  std::atomic<bool> is_slow = false;
  fs.on_sync = [&](const std::string&) {
    if (is_slow) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return Result<void>();
  };
  open();
  const auto is_told_here = [this] {
    Answer answer;
    std::thread::id teller;
    answer.and_then = [&] { teller = std::this_thread::get_id(); };
    store->submit(put("k", "v"), answer, {});
    store->flush(kv::ReadMode::kMayBlock);
    REQUIRE(answer.wait());
    return teller == std::this_thread::get_id();
  };
  bool is_here = false;
  for (int i = 0; i < kTries && !is_here; ++i) is_here = is_told_here();
  REQUIRE(is_here);
  is_slow = true;
  for (int i = 0; i < kTries && is_here; ++i) is_here = is_told_here();
  CHECK_FALSE(is_here);  // now that the mean of its writes says so
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore, "a flush that may block does not wait for another one's sync") {
  fs.skips_syncs = true;
  open();
  Gate gate;
  fs.on_sync = [&](const std::string& path) {
    if (is_segment(path)) gate.pass();
    return Result<void>();
  };
  Answer before;
  Answer meanwhile;
  store->submit(put("a", "1"), before, {});
  bool is_flush = false;
  SUBCASE("that of one who wants all on the disk") {}
  SUBCASE("that of one who flushes, too") { is_flush = true; }
  std::thread syncing([&] {
    if (is_flush) {
      store->flush(kv::ReadMode::kMayBlock);
    } else {
      CHECK(store->sync());
    }
  });
  gate.arrived.get_future().wait();
  store->submit(put("b", "1"), meanwhile, {});
  store->flush(kv::ReadMode::kMayBlock);
  CHECK_FALSE(before.is_there);
  CHECK_FALSE(meanwhile.is_there);
  gate.opened.set_value();
  syncing.join();
  CHECK(before.wait());
  CHECK(meanwhile.wait());  // whoever synced sees to it that somebody syncs again
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore, "a write written along with another one is synced, too") {
  options.segment_size_max = 128 * 1024 * 1024;
  open();
  const std::string large(4 * 1024 * 1024, 'x');
  for (int round = 0; round < 150; ++round) {
    std::thread small([&] { CHECK(store->write(put("a", "1"))); });
    CHECK(store->write(put("b", large)));
    small.join();
  }
}

TEST_CASE_FIXTURE(ThreadedStore, "a write that came while others heard of a full disk is written") {
  open();
  std::atomic<bool> is_full = true;
  fs.on_write = [&](const std::string& path) {
    return is_segment(path) && is_full.exchange(false) ? no_space() : Result<void>();
  };
  Answer refused;
  Answer later;
  refused.and_then = [&] { std::thread([&] { send(put("b", "1"), later); }).join(); };
  send(put("a", "1"), refused);
  CHECK(refused.wait().error().code == Errc::kNoSpace);
  CHECK(later.wait());
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore, "a refused write leaves an earlier one of its key in force") {
  open();
  Gate gate;
  std::atomic<bool> is_full = false;
  fs.on_sync = [&](const std::string& path) {
    if (is_segment(path)) gate.pass();
    return Result<void>();
  };
  fs.on_write = [&](const std::string& path) {
    return is_segment(path) && is_full.exchange(false) ? no_space() : Result<void>();
  };
  Answer first;
  Answer refused;
  Answer second;
  send(put("k", "1", Condition::Kind::kAbsent), first);
  gate.arrived.get_future().wait();  // written, and not acknowledged before the gate opens
  is_full = true;
  auto condition = Condition::Kind::kAlways;
  SUBCASE("it was unconditional") {}
  SUBCASE("it had looked at the earlier one") { condition = Condition::Kind::kPresent; }
  send(put("k", "2", condition), refused);
  send(put("k", "3", Condition::Kind::kAbsent), second);
  gate.opened.set_value();
  CHECK(first.wait());
  CHECK(refused.wait().error().code == Errc::kNoSpace);
  CHECK(second.wait().error().code == Errc::kConflict);
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore, "a segment that could not be made is tried again") {
  std::atomic<int> tries = 0;
  options.sync = kv::Sync::kNone;
  open();
  fs.on_create = [&](const std::string& path) {
    return is_segment(path) && tries++ == 0 ? no_space() : Result<void>();
  };
  const std::string value(64 * 1024, 'v');
  while (tries == 0) REQUIRE(store->write(put("k", value)));
  // Writes go on until the next segment takes them.
  while (store->stats().segments.size() < 4) REQUIRE(store->write(put("k", value)));
  CHECK(tries > 1);
  store.reset();
}

TEST_CASE_FIXTURE(ThreadedStore,
                  "when nobody knows what the MANIFEST says, writes stop and say so") {
  options.sync = kv::Sync::kNone;
  open();
  fs.on_sync = [&](const std::string& path) -> Result<void> {
    if (path.find("MANIFEST") == std::string::npos) return {};
    return tl::unexpected(Error{Errc::kIo, "refused for the test", {}});
  };
  const std::string value(64 * 1024, 'v');
  Result<WriteResult> written = WriteResult{};
  while (written) written = store->write(put("k", value));
  CHECK(written.error().code == Errc::kReadOnly);
  CHECK(store->stats().is_read_only);
  CHECK(store->get("first", {})->has_value());
}

TEST_CASE_FIXTURE(ThreadedStore, "a merge that is asked for waits for the segment being made") {
  open();
  REQUIRE(store->merge(0));  // there is a spare now
  Gate gate;
  fs.on_create = [&](const std::string& path) {
    if (is_segment(path)) gate.pass();
    return Result<void>();
  };
  CHECK(store->write(put("k", std::string(1024 * 1024, 'v'))));
  CHECK(store->write(put("k", "2")));  // in the spare
  gate.arrived.get_future().wait();
  auto merged = std::async(std::launch::async, [&] { return store->merge(0); });
  gate.opened.set_value();
  const auto report = merged.get();
  REQUIRE(report);
  CHECK(report->inputs == 1);  // the log ends in the segment behind it
  store.reset();
}
