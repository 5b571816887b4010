#include "io/sim_file_system.h"

#include <ostream>
#include <set>

#include <doctest/doctest.h>

#include "tests/unit/io/support/file_text.h"

namespace kv::io {

namespace {

struct Machine {
  SimFileSystem fs{3};
  Machine() { REQUIRE(fs.create_dir("/d").has_value()); }

  void crash(CrashMode mode, std::uint64_t variant = 0) {
    if (fs.is_on()) fs.lose_power();
    fs.restart(mode, variant);
  }
  std::string text(const std::string& path) { return content_of(fs, path); }
  Result<void> write(File& file, std::uint64_t offset, std::string_view text) {
    const std::string_view pieces[] = {text};
    return file.write_at(offset, pieces);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Machine, "what was synced with its name survives, whatever the luck") {
  const auto file = create_file(fs, "/d/a", "text");
  REQUIRE(file->sync().has_value());
  REQUIRE(fs.sync_dir("/d").has_value());
  const SimDisk before = fs.disk();
  for (std::uint64_t variant = 0; variant < 50; ++variant) {
    fs.restore(before);
    fs.restart(CrashMode::kRandom, variant);
    CHECK(text("/d/a") == "text");
  }
}

TEST_CASE_FIXTURE(Machine, "a synced file without its name, and a name without its data") {
  const auto a = create_file(fs, "/d/a", "text");
  REQUIRE(a->sync().has_value());
  crash(CrashMode::kLoseUnsynced);
  CHECK(text("/d/a") == "-");
  const auto b = create_file(fs, "/d/b", "text");
  REQUIRE(fs.sync_dir("/d").has_value());
  crash(CrashMode::kLoseUnsynced);
  CHECK(text("/d/b").empty());
}

TEST_CASE_FIXTURE(Machine, "the same seed and variant have the same outcome, others another") {
  const auto file = create_file(fs, "/d/a");
  REQUIRE(fs.sync_dir("/d").has_value());
  for (std::uint64_t i = 0; i < 20; ++i) write_text(*file, i * 600, std::string(600, 'x'));
  const SimDisk before = fs.disk();
  std::set<std::string> seen;
  for (std::uint64_t variant = 0; variant < 20; ++variant) {
    fs.restore(before);
    fs.restart(CrashMode::kRandom, variant);
    SimFileSystem other(before, 3);
    other.lose_power();
    other.restart(CrashMode::kRandom, variant);
    CHECK(text("/d/a") == content_of(other, "/d/a"));
    seen.insert(text("/d/a"));
  }
  CHECK(seen.size() > 10);
}

TEST_CASE_FIXTURE(Machine, "after the power went everything fails, until and beyond the restart") {
  const auto file = create_file(fs, "/d/a", "text");
  const auto lock = fs.lock("/d/LOCK", "me");
  REQUIRE(lock.has_value());
  fs.lose_power();
  char byte = 0;
  const auto all_fail = [&] {
    CHECK(!file->read_at(0, &byte, 1).has_value());
    CHECK(!write(*file, 0, "x").has_value());
    CHECK(!file->sync().has_value());
    CHECK(!file->truncate(0).has_value());
    CHECK(!file->size().has_value());
  };
  all_fail();
  CHECK(!fs.open("/d/a", OpenMode::kRead).has_value());
  CHECK(!fs.open("/d/b", OpenMode::kCreate).has_value());
  CHECK(!fs.rename("/d/a", "/d/b").has_value());
  CHECK(!fs.remove("/d/a").has_value());
  CHECK(!fs.list("/d").has_value());
  CHECK(!fs.exists("/d/a").has_value());
  CHECK(!fs.create_dir("/e").has_value());
  CHECK(!fs.sync_dir("/d").has_value());
  CHECK(!fs.lock("/d/OTHER", "me").has_value());
  CHECK(!fs.space("/d").has_value());
  fs.restart(CrashMode::kKeepCache);
  all_fail();
  CHECK(text("/d/a") == "text");
}

TEST_CASE_FIXTURE(Machine, "reads may outlive the power, and changes never do") {
  fs.let_reads_outlive_power();
  const auto file = create_file(fs, "/d/a", "text");
  fs.lose_power_after(0);
  CHECK(!write(*file, 0, "x").has_value());
  CHECK(!fs.is_on());
  const std::uint64_t changes = fs.changes();
  char byte = 0;
  CHECK(file->read_at(0, &byte, 1).has_value());
  CHECK(byte == 't');
  CHECK(file->size().has_value());
  CHECK(fs.open("/d/a", OpenMode::kRead).has_value());
  CHECK(fs.list("/d").has_value());
  CHECK(!write(*file, 0, "x").has_value());
  CHECK(!file->sync().has_value());
  CHECK(!file->truncate(0).has_value());
  CHECK(!fs.open("/d/b", OpenMode::kCreate).has_value());
  CHECK(!fs.rename("/d/a", "/d/b").has_value());
  CHECK(!fs.remove("/d/a").has_value());
  CHECK(!fs.create_dir("/e").has_value());
  CHECK(!fs.sync_dir("/d").has_value());
  CHECK(!fs.lock("/d/LOCK", "me").has_value());
  CHECK(fs.changes() == changes);
  fs.restart(CrashMode::kLoseUnsynced);
  CHECK(!file->read_at(0, &byte, 1).has_value());
}

TEST_CASE_FIXTURE(Machine, "locks end with the power, and an old handle does not end a new lock") {
  auto old_lock = fs.lock("/d/LOCK", "old");
  REQUIRE(old_lock.has_value());
  crash(CrashMode::kKeepCache);
  const auto new_lock = fs.lock("/d/LOCK", "new");
  REQUIRE(new_lock.has_value());
  old_lock->reset();
  CHECK(!fs.lock("/d/LOCK", "third").has_value());
}

TEST_CASE_FIXTURE(Machine, "the operation under way happens, or not, or a write in part") {
  const auto file = create_file(fs, "/d/a", "old!");
  REQUIRE(file->sync().has_value());
  REQUIRE(fs.sync_dir("/d").has_value());
  fs.lose_power_after(0);
  std::set<std::string> expected;
  SUBCASE("write") {
    CHECK(!write(*file, 0, "new!").has_value());
    CHECK(fs.last_words() == "write /d/a at 0");
    expected = {"old!", "nld!", "ned!", "new!"};
  }
  SUBCASE("truncate") {
    CHECK(!file->truncate(1).has_value());
    expected = {"old!", "o"};
  }
  SUBCASE("rename") {
    CHECK(!fs.rename("/d/a", "/d/b").has_value());
    expected = {"old!", "-"};
  }
  SUBCASE("remove") {
    CHECK(!fs.remove("/d/a").has_value());
    expected = {"old!", "-"};
  }
  REQUIRE(!fs.is_on());
  const SimDisk before = fs.disk();
  for (const CrashMode mode : {CrashMode::kRandom, CrashMode::kKeepCache}) {
    std::set<std::string> seen;
    for (std::uint64_t variant = 0; variant < 200; ++variant) {
      fs.restore(before);
      fs.restart(mode, variant);
      seen.insert(text("/d/a"));
    }
    CHECK(seen == expected);
  }
  fs.restore(before);
  fs.restart(CrashMode::kLoseUnsynced);
  CHECK(text("/d/a") == "old!");
  fs.restore(before);
  fs.restart(CrashMode::kKeepAll);
  CHECK(text("/d/a") != "old!");
}

TEST_CASE_FIXTURE(Machine, "a sync under way may be done when the process dies") {
  const auto file = create_file(fs, "/d/a", "text");
  REQUIRE(fs.sync_dir("/d").has_value());
  fs.lose_power_after(0);
  CHECK(!file->sync().has_value());
  const SimDisk before = fs.disk();
  std::set<std::string> seen;
  for (std::uint64_t variant = 0; variant < 50; ++variant) {
    fs.restore(before);
    fs.restart(CrashMode::kKeepCache, variant);
    CHECK(text("/d/a") == "text");
    crash(CrashMode::kLoseUnsynced);
    seen.insert(text("/d/a"));
  }
  CHECK(seen == std::set<std::string>{"", "text"});
  fs.restore(before);
  fs.restart(CrashMode::kLoseUnsynced);
  CHECK(text("/d/a").empty());
}

TEST_CASE_FIXTURE(Machine, "going back to a disk undoes everything since, and ends open files") {
  const auto file = create_file(fs, "/d/a", "before");
  const SimDisk before = fs.disk();
  write_text(*file, 0, "after!");
  REQUIRE(fs.remove("/d/a").has_value());
  fs.restore(before);
  CHECK(!fs.is_on());
  fs.restart(CrashMode::kKeepCache);
  CHECK(text("/d/a") == "before");
  CHECK(!file->size().has_value());
}

TEST_CASE_FIXTURE(Machine, "a failed sync is believed by readers and betrayed by the disk") {
  const auto file = create_file(fs, "/d/a", "text");
  REQUIRE(fs.sync_dir("/d").has_value());
  fs.plan({.operation = SimOperation::kSync});
  const auto failed = file->sync();
  REQUIRE(!failed.has_value());
  CHECK(failed.error().cause == std::errc::io_error);
  CHECK(failed.error().context == "sync /d/a");
  CHECK(text("/d/a") == "text");
  CHECK(file->sync().has_value());
  crash(CrashMode::kKeepAll);
  CHECK(text("/d/a").empty());
}

TEST_CASE_FIXTURE(Machine, "reads and writes fail as planned, and change nothing") {
  const auto file = create_file(fs, "/d/a", "text");
  fs.plan({.operation = SimOperation::kRead, .after = 1});
  fs.plan({.operation = SimOperation::kWrite});
  CHECK(!write(*file, 0, "x").has_value());
  char byte = 0;
  CHECK(file->read_at(0, &byte, 1).has_value());
  const auto got = file->read_at(2, &byte, 1);
  REQUIRE(!got.has_value());
  CHECK(got.error().context == "read /d/a at 2");
  CHECK(text("/d/a") == "text");
}

TEST_CASE_FIXTURE(Machine, "a short write leaves a beginning of itself") {
  const auto file = create_file(fs, "/d/a");
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    fs.plan({.operation = SimOperation::kWrite,
             .error = std::errc::no_space_on_device,
             .is_short = true});
    const auto written = write(*file, 0, "text");
    REQUIRE(!written.has_value());
    CHECK(written.error().code == Errc::kNoSpace);
    seen.insert(text("/d/a"));
    CHECK(written.error().context == "write /d/a at " + std::to_string(text("/d/a").size()));
    REQUIRE(file->truncate(0).has_value());
  }
  CHECK(seen == std::set<std::string>{"", "t", "te", "tex"});
}

TEST_CASE_FIXTURE(Machine, "a full disk takes what fits, and more after a removal") {
  fs.set_capacity(10);
  const auto a = create_file(fs, "/d/a", "123456");
  const auto b = create_file(fs, "/d/b");
  const auto written = write(*b, 0, "123456");
  REQUIRE(!written.has_value());
  CHECK(written.error().code == Errc::kNoSpace);
  CHECK(written.error().context == "write /d/b at 4");
  CHECK(text("/d/b") == "1234");
  CHECK(fs.space("/d")->free_bytes == 0);
  CHECK(fs.open("/d/c", OpenMode::kCreate).error().code == Errc::kNoSpace);
  CHECK(write(*a, 0, "654321").has_value());
  REQUIRE(b->truncate(0).has_value());
  CHECK(fs.space("/d")->free_bytes == 4);
  REQUIRE(fs.remove("/d/b").has_value());
  CHECK(write(*a, 6, "7890").has_value());
  CHECK(fs.lock("/d/LOCK", "a text too long").has_value());
}

TEST_CASE_FIXTURE(Machine, "a removed file holds its room until it is closed") {
  fs.set_capacity(4);
  auto a = create_file(fs, "/d/a", "1234");
  REQUIRE(fs.remove("/d/a").has_value());
  CHECK(fs.space("/d")->free_bytes == 0);
  a.reset();
  CHECK(fs.space("/d")->free_bytes == 4);
}

TEST_CASE_FIXTURE(Machine, "rot changes synced bytes for good") {
  const auto file = create_file(fs, "/d/a", "abc");
  REQUIRE(file->sync().has_value());
  REQUIRE(fs.sync_dir("/d").has_value());
  fs.flip("/d/a", 1, 0x20);
  CHECK(text_at(*file, 0, 3) == "aBc");
  crash(CrashMode::kRandom);
  CHECK(text("/d/a") == "aBc");
}

TEST_CASE("a whole file is replaced or not, wherever the power goes") {
  SimFileSystem fs(5);
  REQUIRE(fs.create_dir("/d").has_value());
  REQUIRE(replace_file(fs, "/d/CURRENT", "old").has_value());
  const SimDisk start = fs.disk();
  bool is_done = false;
  for (std::uint64_t at = 0; !is_done; ++at) {
    fs.restore(start);
    fs.restart(CrashMode::kKeepCache);
    fs.lose_power_after(at);
    is_done = replace_file(fs, "/d/CURRENT", "new").has_value();
    fs.lose_power();
    const SimDisk before = fs.disk();
    for (std::uint64_t variant = 0; variant < 40; ++variant) {
      CAPTURE(at);
      CAPTURE(variant);
      fs.restore(before);
      fs.restart(CrashMode::kRandom, variant);
      const std::string left = content_of(fs, "/d/CURRENT");
      CHECK((left == "new" || (left == "old" && !is_done)));
    }
    REQUIRE(at < 10);
  }
}

TEST_CASE("time is what the test says; bits are told by the seed, and no two on one disk alike") {
  SimFileSystem fs(5);
  CHECK(fs.wall_clock_ms() == 0);
  std::uint64_t time = 7;
  fs.set_clock([&time] { return time; });
  CHECK(fs.wall_clock_ms() == 7);
  time = 6;
  CHECK(fs.wall_clock_ms() == 6);
  SimFileSystem same(5);
  const std::uint64_t first = fs.random_bits();
  CHECK(same.random_bits() == first);
  CHECK(fs.random_bits() != first);
  CHECK(SimFileSystem(6).random_bits() != first);
  // Whoever goes on with a copy of the disk made something with what was drawn before.
  REQUIRE(fs.create_dir("/d").has_value());
  create_file(fs, "/d/a");
  SimFileSystem other(fs.disk(), 5);
  CHECK(other.random_bits() != first);
}

}  // namespace kv::io
