#include "node/hard_state_file.h"

#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "format/hard_state.h"
#include "io/sim_file_system.h"
#include "tests/support/scratch_dir.h"

namespace {

using kv::Errc;
using kv::io::CrashMode;
using kv::node::HardStateFile;
using kv::node::Memory;
using kv::raft::HardState;
using kv::raft::NodeId;

constexpr std::uint64_t kDatabase = 0x01121d5b6c0ac055;
constexpr CrashMode kModes[] = {CrashMode::kKeepCache, CrashMode::kLoseUnsynced,
                                CrashMode::kKeepAll, CrashMode::kRandom};

// All fields follow from the number, so that a mixture of two is none of them.
HardState state_of(std::uint64_t number) {
  return {.term = number,
          .voted_for = NodeId{number * 7 % 5},
          .claimed_last = {number / 2, number * 3},
          .is_quarantined = number % 3 == 2,
          .commit_hint = number * 11,
          .commit_hint_term = number * 13};
}
// None: a mixture.
std::optional<std::uint64_t> number_of(const HardState& state) {
  const HardState whole = state_of(state.term);
  const bool is_whole =
      state.voted_for == whole.voted_for && state.claimed_last == whole.claimed_last &&
      state.is_quarantined == whole.is_quarantined && state.commit_hint == whole.commit_hint &&
      state.commit_hint_term == whole.commit_hint_term;
  return is_whole ? std::optional(state.term) : std::nullopt;
}

struct Machine {
  kv::io::SimFileSystem fs{5};
  std::unique_ptr<HardStateFile> file;
  std::uint64_t acknowledged = 0;
  std::uint64_t tried = 0;

  Machine() { REQUIRE(fs.create_dir("/d").has_value()); }
  kv::Result<void> open(Memory memory = Memory::kMustExist) {
    file.reset();
    auto opened = HardStateFile::open(fs, "/d", kDatabase, memory);
    if (!opened) return tl::unexpected(opened.error());
    file = std::move(*opened);
    return {};
  }
  void must_open(Memory memory = Memory::kMustExist) {
    const auto opened = open(memory);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
  }
  // False: it failed.
  bool write() {
    tried = acknowledged + 1;
    if (!file->write(state_of(tried))) return false;
    acknowledged = tried;
    return true;
  }
  void crash(CrashMode mode, std::uint64_t variant) {
    if (fs.is_on()) fs.lose_power();
    fs.keep_power();
    fs.restart(mode, variant);
  }
  // Whoever reads a state acts on it.
  void check_reopened() {
    must_open();
    const auto found = number_of(file->state());
    REQUIRE(found.has_value());
    CHECK(*found >= acknowledged);
    CHECK(*found <= tried);
    acknowledged = std::max(acknowledged, *found);
    tried = acknowledged;
  }
  Errc code_of_open() {
    const auto opened = open();
    REQUIRE_FALSE(opened);
    return opened.error().code;
  }
  void destroy(std::size_t copy) {
    fs.flip("/d/HARDSTATE", copy * kv::format::kHardStateSectorSize + 100, 0x10);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Machine, "a new node remembers nothing, and what it wrote after") {
  must_open(Memory::kMayBeNew);
  CHECK(number_of(file->state()) == 0);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(write());
    CHECK(number_of(file->state()) == acknowledged);
    must_open();
    CHECK(number_of(file->state()) == acknowledged);
    CHECK(file->copies_mended() == 0);
  }
}

TEST_CASE("a hard state file works on a real disk") {
  kv::test::ScratchDir scratch;
  auto& fs = kv::io::posix_file_system();
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto file = HardStateFile::open(fs, scratch.path(), kDatabase, Memory::kMayBeNew);
    REQUIRE(file.has_value());
    CHECK((*file)->state().term == i);
    REQUIRE((*file)->write(state_of(i + 1)).has_value());
  }
}

TEST_CASE_FIXTURE(Machine, "the version of a state is not kept, as it counts one life's changes") {
  must_open(Memory::kMayBeNew);
  HardState state = state_of(1);
  state.version = 9;
  REQUIRE(file->write(state).has_value());
  CHECK(file->state().version == 0);
}

TEST_CASE_FIXTURE(Machine, "a crash at any operation leaves the last state or the one under way") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  file.reset();
  const kv::io::SimDisk begin = fs.disk();
  for (const CrashMode mode : kModes) {
    // One boot has some three operations of its own and three for each write.
    for (std::uint64_t after = 0; after < 20; ++after) {
      for (std::uint64_t variant = 0; variant < (mode == CrashMode::kRandom ? 40 : 1); ++variant) {
        CAPTURE(static_cast<int>(mode));
        CAPTURE(after);
        CAPTURE(variant);
        fs.restore(begin);
        fs.restart(CrashMode::kKeepAll);
        acknowledged = tried = 1;
        fs.lose_power_after(after);
        if (open()) {
          for (int i = 0; i < 5 && write(); ++i) {
          }
        }
        crash(mode, variant);
        check_reopened();
        // Once it was seen it stays, though nothing was written since.
        crash(CrashMode::kLoseUnsynced, variant);
        check_reopened();
        REQUIRE(write());
        crash(CrashMode::kLoseUnsynced, variant);
        check_reopened();
      }
    }
  }
}

// The worst disk: what was written since the last sync is neither old nor new but destroyed.
struct WorstDisk : Machine {
  std::set<std::uint64_t> unsynced;  // offsets of sectors
  std::uint64_t changes = 0;         // of the file
  std::uint64_t power_goes_at = UINT64_MAX;

  WorstDisk() {
    must_open(Memory::kMayBeNew);
    REQUIRE(write());
    fs.set_hook([this](const kv::io::SimCall& call) {
      if (!call.path.ends_with("/HARDSTATE") || !kv::io::is_change(call.operation)) return false;
      const bool ends = changes++ >= power_goes_at;
      if (call.operation == kv::io::SimOperation::kWrite) {
        for (std::uint64_t at = call.offset / 512; at * 512 < call.offset + call.size; ++at) {
          unsynced.insert(at * 512);
        }
      } else if (call.operation == kv::io::SimOperation::kSync && !ends) {
        unsynced.clear();
      }
      return ends;
    });
  }
  void lose_power_at_change(std::uint64_t number) {
    changes = 0;
    power_goes_at = number;
  }
  void destroy_and_reopen() {
    power_goes_at = UINT64_MAX;
    crash(CrashMode::kLoseUnsynced, 0);
    for (const std::uint64_t at : unsynced) fs.flip("/d/HARDSTATE", at + 30, 0x55);
    unsynced.clear();
    check_reopened();
  }
};

TEST_CASE_FIXTURE(WorstDisk, "a power cut may destroy whatever was being written") {
  for (std::uint64_t number = 0; number < 40; ++number) {
    CAPTURE(number);
    lose_power_at_change(number % 10);
    if (open()) {
      for (int i = 0; i < 5 && write(); ++i) {
      }
    }
    destroy_and_reopen();
    REQUIRE(write());
  }
}

TEST_CASE_FIXTURE(WorstDisk, "and when the process before it died of a failed sync, too") {
  for (std::uint64_t number = 0; number < 40; ++number) {
    CAPTURE(number);
    fs.plan({.operation = kv::io::SimOperation::kSync});
    REQUIRE_FALSE(write());
    lose_power_at_change(number % 10);
    if (open()) {
      const auto found = number_of(file->state());
      REQUIRE(found.has_value());
      acknowledged = tried = *found;
      for (int i = 0; i < 3 && write(); ++i) {
      }
    }
    destroy_and_reopen();
    REQUIRE(write());
  }
}

TEST_CASE_FIXTURE(WorstDisk, "the last good copy is not written before another one is") {
  for (const std::size_t rotten : {0u, 1u}) {
    for (std::uint64_t number = 0; number < 4; ++number) {
      CAPTURE(rotten);
      CAPTURE(number);
      destroy(kv::format::hard_state_copy(file->generation()) + rotten);
      lose_power_at_change(number);
      CHECK_FALSE(open().has_value());
      destroy_and_reopen();
      REQUIRE(write());
    }
  }
}

TEST_CASE_FIXTURE(Machine, "crash after crash, in opens and in writes, nothing goes back") {
  must_open(Memory::kMayBeNew);
  for (std::uint64_t round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    fs.lose_power_after(round * 7 % 11);
    if (open()) {
      const auto found = number_of(file->state());
      REQUIRE(found.has_value());
      CHECK(*found >= acknowledged);
      CHECK(*found <= tried);
      acknowledged = tried = *found;
      for (std::uint64_t i = 0; i < round % 4 && write(); ++i) {
      }
    }
    crash(kModes[round / 3 % 4], round);
  }
  check_reopened();
  CHECK(acknowledged > 500);
}

TEST_CASE_FIXTURE(Machine, "while it is made a crash leaves a whole file or none") {
  for (const CrashMode mode : kModes) {
    for (std::uint64_t after = 0; after < 12; ++after) {
      CAPTURE(static_cast<int>(mode));
      CAPTURE(after);
      Machine machine;
      machine.fs.lose_power_after(after);
      const bool is_made = machine.open(Memory::kMayBeNew).has_value();
      machine.crash(mode, after);
      if (is_made) {
        machine.must_open();
      } else {
        machine.must_open(Memory::kMayBeNew);
      }
      CHECK(number_of(machine.file->state()) == 0);
    }
  }
}

TEST_CASE_FIXTURE(Machine,
                  "what a failed sync left in memory alone is on the disk once it was seen") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  fs.plan({.operation = kv::io::SimOperation::kSync});
  CHECK_FALSE(write());
  SUBCASE("nothing is written after it") {
    const auto again = file->write(state_of(3));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::kReadOnly);
    CHECK(describe(again.error()).ends_with("; the process has to end and to be started again"));
  }
  SUBCASE("the process starts again, and then the power goes") {
    check_reopened();
    CHECK(acknowledged == 2);  // the page cache still had it
    crash(CrashMode::kLoseUnsynced, 0);
    check_reopened();
  }
}

TEST_CASE_FIXTURE(Machine, "a failed write is the last one") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  for (const bool is_short : {false, true}) {
    fs.plan({.operation = kv::io::SimOperation::kWrite,
             .error = std::errc::no_space_on_device,
             .is_short = is_short});
    CHECK_FALSE(write());
    CHECK(file->write(state_of(3)).error().code == Errc::kReadOnly);
    check_reopened();
  }
}

TEST_CASE_FIXTURE(Machine, "one damaged copy is no loss, wherever it is, and is mended") {
  must_open(Memory::kMayBeNew);
  for (int writes = 0; writes < 2; ++writes) {
    REQUIRE(write());
    for (std::size_t copy = 0; copy < kv::format::kHardStateCopies; ++copy) {
      CAPTURE(copy);
      const std::size_t newest = kv::format::hard_state_copy(file->generation());
      destroy(copy);
      check_reopened();
      CHECK(file->copies_mended() == 1);
      must_open();
      CHECK(file->copies_mended() == (copy / 2 == newest / 2 ? 0 : 1));
      REQUIRE(write());
      REQUIRE(write());
    }
  }
}

TEST_CASE_FIXTURE(Machine, "a copy that cannot be read is no loss") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  const std::size_t copy = kv::format::hard_state_copy(file->generation());
  fs.plan({.operation = kv::io::SimOperation::kRead,
           .offset = copy * kv::format::kHardStateSectorSize,
           .size = kv::format::kHardStateSize});
  check_reopened();
}

TEST_CASE_FIXTURE(Machine, "what may be the newest state has to be read, and not passed over") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  REQUIRE(write());
  const std::size_t copy = kv::format::hard_state_copy(file->generation());
  const std::uint64_t pair = copy * kv::format::kHardStateSectorSize;
  std::uint64_t failing = 2;
  SUBCASE("both copies fail once") {}
  SUBCASE("one fails, and the other is damaged") {
    destroy(copy + 1);
    failing = 1;
  }
  fs.plan({.operation = kv::io::SimOperation::kRead,
           .count = failing,
           .offset = pair,
           .size = 2 * kv::format::kHardStateSectorSize});
  const auto opened = open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kIo);
  const std::string told = describe(opened.error());
  CHECK(told.find("/d/HARDSTATE") != std::string::npos);
  CHECK(told.find(": Input/output error; what this node promised last") != std::string::npos);
  CHECK(told.find("start it again") != std::string::npos);
  CHECK(told.ends_with("from an empty data directory on a disk that can be read"));
  fs.clear_faults();
  check_reopened();
}

TEST_CASE_FIXTURE(Machine,
                  "without an intact copy, or without the file, the node lost its memory") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  SUBCASE("every copy damaged") {
    for (std::size_t copy = 0; copy < kv::format::kHardStateCopies; ++copy) destroy(copy);
  }
  SUBCASE("the file cut to nothing") {
    auto raw = fs.open("/d/HARDSTATE", kv::io::OpenMode::kReadWrite);
    REQUIRE(raw.has_value());
    REQUIRE((*raw)->truncate(0).has_value());
  }
  SUBCASE("the file removed") {
    file.reset();
    REQUIRE(fs.remove("/d/HARDSTATE").has_value());
  }
  const auto opened = open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kCorruption);
  CHECK(opened.error().context.find("rejoin as a new node") != std::string::npos);
}

TEST_CASE_FIXTURE(Machine, "a hard state of another database, or of two minds, is refused") {
  must_open(Memory::kMayBeNew);
  REQUIRE(write());
  SUBCASE("of another database") {
    const auto opened = HardStateFile::open(fs, "/d", kDatabase + 1, Memory::kMustExist);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::kCorruption);
    CHECK(opened.error().context.find("put back the one of this directory") != std::string::npos);
    CHECK(opened.error().context.find("rejoin as a new node") != std::string::npos);
  }
  SUBCASE("two states under one generation") {
    const std::size_t copy = kv::format::hard_state_copy(file->generation());
    const std::string other = kv::format::encode_hard_state(
        {.generation = file->generation(), .database_id_hash = kDatabase, .term = 99});
    auto raw = fs.open("/d/HARDSTATE", kv::io::OpenMode::kReadWrite);
    REQUIRE(raw.has_value());
    const std::string_view pieces[] = {other};
    REQUIRE((*raw)->write_at((copy + 1) * kv::format::kHardStateSectorSize, pieces).has_value());
    CHECK(code_of_open() == Errc::kCorruption);
  }
}
