// The zeros that are written ahead of the log; what is synced when, commit_pipeline_test.cc has.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/prewritten_space.h"
#include "engine/store_impl.h"
#include "format/names.h"
#include "kv/event.h"
#include "kv/salvage.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/engine/support/answer.h"

using kv::Background;
using kv::Errc;
using kv::Error;
using kv::Result;
using kv::StoreImpl;
using kv::Sync;
using kv::test::Answer;
using kv::test::HookedFileSystem;
using kv::test::put;

namespace {

using Zeros = HookedFileSystem::Zeros;

Result<void> refused(Errc code) { return tl::unexpected(Error{code, "refused for the test", {}}); }

struct PrewritingStore : private kv::EventListener {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  HookedFileSystem fs;
  kv::Options options;
  std::unique_ptr<StoreImpl> store;
  std::mutex mutex;
  std::vector<std::string> alarms;

  PrewritingStore() {
    options.merges_automatically = false;
    options.scrub_rate = 0;
    options.listener = this;
  }
  ~PrewritingStore() override { store.reset(); }

  void open(Background background = Background::kCaller) {
    store.reset();
    auto opened = StoreImpl::open(fs, path, options, background);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  void put_some(int count, const std::string& value) const {
    for (int i = 0; i < count; ++i) REQUIRE(store->write(put("k" + std::to_string(i), value)));
  }
  kv::SegmentStats active() const {
    const auto segments = store->stats().segments;
    const auto found = std::ranges::find(segments, true, &kv::SegmentStats::is_active);
    REQUIRE(found != segments.end());
    return *found;
  }
  std::string segment_path(std::uint32_t id) const {
    return path + "/" + kv::format::segment_name(static_cast<kv::format::SegmentId>(id));
  }
  std::uint64_t file_size(std::uint32_t id) const {
    return std::filesystem::file_size(segment_path(id));
  }
  // Bytes of all segment files that are no records.
  std::uint64_t zeros_in_files() const {
    std::uint64_t zeros = 0;
    for (const auto& segment : store->stats().segments) {
      zeros += file_size(segment.id) - segment.bytes;
    }
    return zeros;
  }
  // What a kill leaves, somewhere else.
  std::string copy() const {
    const std::string to = scratch.path() + "/copy";
    std::filesystem::remove_all(to);
    std::filesystem::copy(path, to);
    return to;
  }
  void on_event(const kv::Event& event) override {
    if (event.level == kv::Event::Level::kInfo) return;
    const std::lock_guard lock(mutex);
    alarms.push_back(std::string(event.name) + " " + event.details);
  }
};

}  // namespace

TEST_CASE_FIXTURE(PrewritingStore,
                  "what syncs writes zeros ahead, so that few syncs grow the file") {
  open();
  std::uint64_t size = 0;
  int growths = 0;
  for (int i = 0; i < 300; ++i) {
    REQUIRE(store->write(put("k", std::string(100, 'v'))));
    const std::uint64_t now = file_size(active().id);
    if (now != size) ++growths;
    size = now;
  }
  CHECK(growths < 8);
  CHECK(zeros_in_files() > 0);
}

TEST_CASE_FIXTURE(PrewritingStore, "without syncs that somebody waits for none are written") {
  SUBCASE("none") { options.sync = Sync::kNone; }
  SUBCASE("interval") { options.sync = Sync::kInterval; }
  open();
  put_some(100, std::string(100, 'v'));
  REQUIRE(store->sync());
  CHECK(zeros_in_files() == 0);
  kv::Write write = put("k", "v");
  write.options.sync = Sync::kDisk;
  REQUIRE(store->write(write));
  CHECK(zeros_in_files() > 0);
}

TEST_CASE_FIXTURE(PrewritingStore, "a segment that is sealed is as long as its records") {
  options.segment_size_max = 16 * 1024;
  open();
  put_some(200, std::string(300, 'v'));
  const auto segments = store->stats().segments;
  REQUIRE(segments.size() > 3);
  for (const auto& segment : segments) {
    if (!segment.is_active) CHECK(file_size(segment.id) == segment.bytes);
  }
  SUBCASE("by a merge") {
    REQUIRE(store->write(put("k0", "small")));
    REQUIRE(zeros_in_files() > 0);
    REQUIRE(store->merge(0));
    CHECK(zeros_in_files() == 0);
  }
  SUBCASE("by a close") {
    REQUIRE(store->write(put("k0", "small")));
    REQUIRE(zeros_in_files() > 0);
    REQUIRE(store->close());
    CHECK(zeros_in_files() == 0);
  }
}

TEST_CASE_FIXTURE(PrewritingStore, "a kill leaves zeros that nobody calls torn or damaged") {
  open();
  put_some(50, std::string(100, 'v'));
  REQUIRE(zeros_in_files() > 0);
  path = copy();
  const auto verified = kv::verify(path, {});
  REQUIRE(verified);
  CHECK(verified->findings.empty());
  CHECK(verified->notes.empty());
  const auto salvaged = kv::salvage(path, scratch.path() + "/salvaged", {});
  REQUIRE(salvaged);
  CHECK(salvaged->findings.empty());
  open();
  CHECK(store->stats().recovery.bytes_cut == 0);
  CHECK(store->stats().keys == 50);
  CHECK(zeros_in_files() == 0);
  CHECK(alarms.empty());
}

TEST_CASE_FIXTURE(PrewritingStore, "zeros that find no room are given up, and writes go on") {
  options.segment_size_max = 16 * 1024;
  std::atomic<int> tries = 0;
  fs.on_zeros = [&](const Zeros& zeros) {
    return zeros.path.ends_with("000001.seg") && ++tries > 1 ? refused(Errc::kNoSpace)
                                                             : Result<void>();
  };
  open();
  put_some(100, std::string(300, 'v'));
  CHECK(tries == 2);  // another one comes with the next segment alone
  CHECK(store->stats().segments.size() > 2);
  CHECK_FALSE(store->stats().is_read_only);
  CHECK(alarms.empty());
  REQUIRE(store->close());
  open();
  CHECK(store->stats().keys == 100);
}

TEST_CASE_FIXTURE(PrewritingStore,
                  "a group that the zeros are in the way of is written after them") {
  open();
  std::vector<std::string> keys;
  for (int i = 0; i < 60; ++i) keys.push_back("group" + std::to_string(i));
  std::vector<Answer> answers(keys.size());
  const std::string value(200, 'v');
  bool was_asked = false;
  std::uint64_t begin = 0;
  std::uint64_t end_before = 0;
  std::uint64_t end_during = 0;
  fs.on_zeros = [&](const Zeros& zeros) {
    if (was_asked) return Result<void>();
    was_asked = true;
    begin = zeros.offset;
    end_before = active().bytes;
    // Another client's writes, as a reactor brings them.
    for (std::size_t i = 0; i < keys.size(); ++i) {
      store->submit(put(keys[i], value), answers[i], {});
    }
    store->flush(kv::ReadMode::kNoWait);
    end_during = active().bytes;
    return Result<void>();
  };
  REQUIRE(store->write(put("a", "1")));
  REQUIRE(was_asked);
  CHECK(begin >= end_before);
  CHECK(end_during == end_before);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(answers[i].is_there);
    const auto found = store->get(keys[i], {});
    REQUIRE(found);
    CHECK((*found && (*found)->bytes == value));
  }
  path = copy();
  open();
  CHECK(store->stats().keys == keys.size() + 1);
  CHECK(alarms.empty());
}

TEST_CASE_FIXTURE(PrewritingStore, "a group before the zeros does not wait for them") {
  open();
  REQUIRE(store->write(put("a", std::string(5'000, 'v'))));  // zeros up to 12 KiB
  Answer answer;
  bool was_asked = false;
  std::uint64_t written = 0;
  fs.on_zeros = [&](const Zeros&) {
    if (was_asked) return Result<void>();
    was_asked = true;
    const std::uint64_t before = active().bytes;
    store->submit(put("b", "1"), answer, {});
    store->flush(kv::ReadMode::kNoWait);
    written = active().bytes - before;
    return Result<void>();
  };
  REQUIRE(store->write(put("c", std::string(5'500, 'v'))));
  REQUIRE(was_asked);
  CHECK(written > 0);
  CHECK(answer.wait());
}

TEST_CASE_FIXTURE(PrewritingStore, "a refused group is cut off when the zeros under way are done") {
  open(Background::kThreads);
  REQUIRE(store->write(put("a", std::string(5'000, 'v'))));  // zeros up to 12 KiB
  std::atomic<bool> is_full = false;
  fs.on_write = [&](const std::string& file) {
    const bool is_refused = file.ends_with(".seg") && is_full.exchange(false);
    return is_refused ? refused(Errc::kNoSpace) : Result<void>();
  };
  Answer answer;
  std::thread writer;
  std::atomic<bool> was_asked = false;
  std::atomic<bool> are_under_way = false;
  std::atomic<bool> was_cut = false;  // while they were
  fs.on_sync = [&](const std::string& file) {
    if (are_under_way && file == segment_path(1)) was_cut = true;
    return Result<void>();
  };
  fs.on_zeros = [&](const Zeros&) {
    if (was_asked.exchange(true)) return Result<void>();
    are_under_way = true;
    is_full = true;
    writer = std::thread([&] {
      store->submit(put("b", "1"), answer, {});
      store->flush(kv::ReadMode::kNoWait);
    });
    while (is_full) std::this_thread::yield();
    constexpr int kLong = 20'000;
    for (int i = 0; i < kLong && !was_cut; ++i) std::this_thread::yield();
    CHECK_FALSE(was_cut);
    CHECK_FALSE(answer.is_there);
    are_under_way = false;
    return Result<void>();
  };
  REQUIRE(store->write(put("c", std::string(5'500, 'v'))));
  REQUIRE(was_asked);
  CHECK(answer.wait().error().code == Errc::kNoSpace);
  writer.join();
  put_some(200, std::string(100, 'v'));
  path = copy();
  open();
  CHECK(store->stats().keys == 202);
  CHECK(alarms.empty());
  store.reset();  // its hooks refer to what is local here
}

TEST_CASE_FIXTURE(PrewritingStore, "a cut whose sync failed leaves the sealing to the next open") {
  options.segment_size_max = 16 * 1024;
  open();
  REQUIRE(store->write(put("a", "1")));
  REQUIRE(zeros_in_files() > 0);
  int syncs = 0;
  fs.on_sync = [&](const std::string& file) {
    return file.ends_with("000001.seg") && ++syncs > 1 ? refused(Errc::kIo) : Result<void>();
  };
  REQUIRE(store->write(put("b", "2")));  // the first sync
  CHECK(store->close().error().code == Errc::kUnknownOutcome);
  CHECK(syncs == 2);
  fs.on_sync = nullptr;
  open();
  CHECK(store->stats().keys == 2);
  CHECK(zeros_in_files() == 0);
}

TEST_CASE_FIXTURE(PrewritingStore, "many writers meet no zeros, over many segments") {
  constexpr int kThreads = 4;
  constexpr int kWrites = 300;
  options.segment_size_max = 64 * 1024;
  open(Background::kThreads);
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&, number] {
      for (int i = 0; i < kWrites; ++i) {
        const std::string key = std::to_string(number) + ":" + std::to_string(i);
        const auto size = static_cast<std::size_t>(i % 7 == 0 ? 4'000 : i % 3 * 90);
        CHECK(store->write(put(key, std::string(size, 'v'))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  SUBCASE("closed") { REQUIRE(store->close()); }
  SUBCASE("killed") { path = copy(); }
  open();
  CHECK(store->stats().recovery.bytes_cut == 0);
  CHECK(store->stats().keys == kThreads * kWrites);
  const auto verified = store->verify({});
  REQUIRE(verified);
  CHECK(verified->findings.empty());
}
