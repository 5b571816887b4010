#include "engine/log_window.h"

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "io/sim_file_system.h"

using kv::engine::LogSource;
using kv::engine::LogWindow;

namespace {

std::uint64_t seed() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// Two files of random bytes that grow.
struct GrowingFiles {
  kv::io::SimFileSystem fs;
  std::mt19937_64 random{1};
  std::string bytes[2];
  LogSource sources[2];

  GrowingFiles() {
    REQUIRE(fs.create_dir("/d").has_value());
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::string path = "/d/" + std::to_string(i);
      auto file = fs.open(path, kv::io::OpenMode::kCreate);
      REQUIRE(file.has_value());
      sources[i].file = std::move(*file);
      sources[i].segment = std::make_shared<kv::engine::Segment>(
          i, path, static_cast<kv::format::SegmentId>(i + 1), kv::format::SegmentKind::kLog, 0);
    }
  }
  void grow(int which, std::size_t size) {
    std::string more(size, '\0');
    for (char& byte : more) byte = static_cast<char>(random());
    const std::string_view pieces[] = {more};
    REQUIRE(sources[which].file->write_at(bytes[which].size(), pieces).has_value());
    bytes[which] += more;
    sources[which].size = bytes[which].size();
  }
};

}  // namespace

TEST_CASE_FIXTURE(GrowingFiles, "whatever was looked at before, a view is what the file holds") {
  const std::uint64_t run = seed();
  CAPTURE(run);
  random.seed(run);
  LogWindow window;
  std::uint64_t at = 0;
  int which = 0;
  for (int i = 0; i < 20'000; ++i) {
    CAPTURE(i);
    if (i < 3000 && random() % 4 == 0) grow(static_cast<int>(random() % 2), random() % 12'000);
    if (random() % 10 == 0) window.begin_call();
    if (random() % 200 == 0) window.trim();
    if (random() % 200 == 0) window.forget();
    if (random() % 50 == 0) which = 1 - which;
    const std::string& all = bytes[which];
    const bool jumps = random() % 20 == 0;
    at = jumps ? random() % (all.size() + 100) : at + random() % 6000 - random() % 1000;
    if (at > all.size() + 100) at = 0;
    const std::size_t length = random() % (random() % 100 == 0 ? 2'000'000 : 3000);
    const auto view = window.view(sources[which], at, length);
    REQUIRE(view.has_value());
    REQUIRE((*view == (at >= all.size() ? "" : std::string_view(all).substr(at, length))));
  }
}

TEST_CASE_FIXTURE(GrowingFiles, "a call that begins a little behind a full buffer gets its bytes") {
  grow(0, 2'000'000);
  LogWindow window;
  constexpr std::size_t kFull = 1024 * 1024;
  REQUIRE(window.view(sources[0], 0, kFull)->size() == kFull);
  window.begin_call();
  const auto view = window.view(sources[0], kFull + 100, 10);
  CHECK((*view == std::string_view(bytes[0]).substr(kFull + 100, 10)));
}

TEST_CASE_FIXTURE(GrowingFiles, "a file that is shorter than it should be ends early") {
  grow(0, 10'000);
  LogWindow window;
  REQUIRE(sources[0].file->truncate(5000).has_value());
  CHECK(window.view(sources[0], 4000, 3000)->size() == 1000);
  CHECK(window.view(sources[0], 5000, 10)->empty());
  CHECK(window.view(sources[0], 6000, 10)->empty());
  CHECK(*window.view(sources[0], 0, 4000) == std::string_view(bytes[0]).substr(0, 4000));
}

TEST_CASE_FIXTURE(GrowingFiles, "an error of the disk leaves nothing that was not read") {
  grow(0, 200'000);
  LogWindow window;
  REQUIRE(window.view(sources[0], 0, 10).has_value());
  fs.plan({.operation = kv::io::SimOperation::kRead});
  CHECK(window.view(sources[0], 100'000, 10).error().code == kv::Errc::kIo);
  CHECK(*window.view(sources[0], 100'000, 10) == std::string_view(bytes[0]).substr(100'000, 10));
}
