#include "io/sim_content.h"

#include <set>

#include <doctest/doctest.h>

namespace kv::io {

namespace {

void write(SimContent& content, std::uint64_t offset, std::string text) {
  content.write(offset, std::make_shared<const std::string>(std::move(text)));
}

// Everything that a crash half way can leave, as far as some luck finds it.
std::set<std::string> outcomes(const SimContent& content, std::uint64_t tries = 2'000) {
  std::set<std::string> seen;
  for (std::uint64_t variant = 0; variant < tries; ++variant) {
    SimContent copy = content;
    SimRandom random(1, variant);
    copy.crash(CrashMode::kRandom, random);
    CHECK(copy.current().text() == copy.durable().text());
    seen.insert(copy.current().text());
  }
  return seen;
}

std::string after(SimContent content, CrashMode mode) {
  SimRandom random(1);
  content.crash(mode, random);
  return content.current().text();
}

const std::string kSector(SimContent::kSectorSize, 'x');

}  // namespace

TEST_CASE("of unsynced writes a crash keeps all, none, or what luck says") {
  SimContent content;
  write(content, 0, "old");
  content.sync();
  write(content, 0, "new");
  CHECK(after(content, CrashMode::kLoseUnsynced) == "old");
  CHECK(after(content, CrashMode::kKeepAll) == "new");
  CHECK(after(content, CrashMode::kKeepCache) == "new");
  CHECK(outcomes(content) == std::set<std::string>{"old", "new", "nld", "ned"});
}

TEST_CASE("when only the process died, what was unsynced is still so") {
  SimContent content;
  write(content, 0, "text");
  SimRandom random(1);
  content.crash(CrashMode::kKeepCache, random);
  CHECK(after(content, CrashMode::kLoseUnsynced).empty());
  content.sync();
  CHECK(after(content, CrashMode::kLoseUnsynced) == "text");
}

TEST_CASE("rot that is taken back is gone from the disk, too, where memory was right already") {
  SimContent content;
  write(content, 0, "text");
  content.sync();
  content.flip(1, 1);
  write(content, 1, "e");
  CHECK(content.current().text() == "text");
  CHECK(after(content, CrashMode::kLoseUnsynced) == "tdxt");
  content.put(1, 'e');
  content.put(4, 'x');  // behind the end: there is nothing
  CHECK(after(content, CrashMode::kLoseUnsynced) == "text");
  CHECK(after(content, CrashMode::kKeepAll) == "text");
}

TEST_CASE("what a crash lost does not come with a later sync") {
  SimContent content;
  write(content, 0, "lost");
  SimRandom random(1);
  content.crash(CrashMode::kLoseUnsynced, random);
  write(content, 0, "new");
  content.sync();
  CHECK(after(content, CrashMode::kLoseUnsynced) == "new");
}

TEST_CASE("a later write can survive an earlier one, and a file be longer than its data") {
  SimContent content;
  write(content, 0, "11");
  write(content, 2, "22");
  const auto seen = outcomes(content);
  const std::string zeros(2, '\0');
  CHECK(seen.contains(""));
  CHECK(seen.contains("11"));
  CHECK(seen.contains("1122"));
  CHECK(seen.contains(zeros + "22"));
  CHECK(seen.contains("11" + zeros));
  CHECK(seen.contains(zeros + zeros));
  CHECK(seen.contains("1"));                           // cut at any byte
  CHECK(seen.contains("11" + std::string("2\0", 2)));  // torn at any byte
  for (const std::string& text : seen) CHECK(text.size() <= 4);
}

TEST_CASE("sectors of one write have each their own luck") {
  SimContent content;
  write(content, 0, std::string(3 * kSector.size(), '-'));
  content.sync();
  write(content, 0, kSector + kSector + kSector);
  const std::string old(kSector.size(), '-');
  const auto seen = outcomes(content);
  CHECK(seen.contains(old + kSector + old));
  CHECK(seen.contains(kSector + old + kSector));
}

TEST_CASE("a truncate that was not synced can be undone, and one that was cannot") {
  SimContent content;
  write(content, 0, "abcdef");
  content.sync();
  content.truncate(2);
  CHECK(outcomes(content) == std::set<std::string>{"ab", "abcdef"});
  write(content, 2, "XY");
  const auto seen = outcomes(content);
  CHECK(seen.contains("abXY"));
  CHECK(seen.contains("abXYef"));  // the cut and the size lost, the data not
  content.sync();
  CHECK(outcomes(content, 50) == std::set<std::string>{"abXY"});
}

TEST_CASE("what a failed sync dropped is seen until the crash and never written again") {
  SimContent content;
  write(content, 0, "kept");
  content.sync();
  write(content, 0, "lost");
  content.drop_unsynced();
  write(content, 4, "later");
  content.sync();
  CHECK(content.current().text() == "lostlater");
  CHECK(after(content, CrashMode::kKeepAll) == "keptlater");
}

TEST_CASE("a flipped bit is on the disk, and past the end there is none") {
  SimContent content;
  write(content, 0, "abc");
  content.sync();
  content.flip(1, 0x20);
  content.flip(3, 0x20);
  CHECK(content.current().text() == "aBc");
  CHECK(after(content, CrashMode::kLoseUnsynced) == "aBc");
}

}  // namespace kv::io
