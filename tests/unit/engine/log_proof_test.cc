#include "engine/log_proof.h"

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/database_files.h"
#include "format/names.h"
#include "kv/store.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"

using kv::engine::proven_by;
using kv::engine::proven_by_readable;

namespace {

// A log of several segments, as if none of them had been sealed.
struct UnsealedLog {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  kv::test::HookedFileSystem fs;
  std::vector<kv::format::SegmentInfo> infos;
  std::uint64_t end_of_first = 0;  // its last sequence

  UnsealedLog() {
    kv::Options options;
    options.segment_size_max = 16 * 1024;
    options.merges_automatically = false;
    {
      auto store = kv::Store::open(path, options);
      REQUIRE(store.has_value());
      for (int i = 0; i < 60 || store->stats().segments.size() < 5; ++i) {
        REQUIRE(store->put("key" + std::to_string(i), std::string(1000, 'x')).has_value());
      }
    }
    const auto files = kv::engine::read_database_files(fs, path);
    REQUIRE(files.has_value());
    for (const auto& [id, info] : files->manifest->state.segments) {
      if (!info.is_sealed) continue;
      if (end_of_first == 0) end_of_first = info.last_sequence;
      infos.push_back(info);
      infos.back().is_sealed = false;
    }
    REQUIRE(infos.size() >= 4);
  }

  kv::engine::LaterSegments behind_first() const { return std::span(infos).subspan(1); }
  std::string file_path(std::size_t index) const {
    return path + "/" + kv::format::segment_name(infos[index].id);
  }
};

}  // namespace

TEST_CASE_FIXTURE(UnsealedLog, "marks prove what belongs before the segments they are in") {
  CHECK(proven_by(fs, path, behind_first()) == end_of_first);
  CHECK(proven_by_readable(fs, path, behind_first()) == end_of_first);
  CHECK(proven_by(fs, path, {}) == 0);
}

TEST_CASE_FIXTURE(UnsealedLog, "a file that is not there proves nothing, and the others all") {
  for (std::size_t i = 2; i < infos.size(); ++i) std::filesystem::remove(file_path(i));
  CHECK(proven_by(fs, path, behind_first()) == end_of_first);
  std::filesystem::remove(file_path(1));
  CHECK(proven_by(fs, path, behind_first()) == 0);
}

TEST_CASE_FIXTURE(UnsealedLog, "a file that is there and cannot be read is an error") {
  SUBCASE("it does not open") {
    std::filesystem::remove(file_path(2));
    std::filesystem::create_symlink(file_path(2), file_path(2));
  }
  SUBCASE("it does not read") {
    const std::string unreadable = file_path(2);
    fs.on_read = [unreadable](const kv::test::HookedFileSystem::Read& read) -> kv::Result<void> {
      if (read.path != unreadable) return {};
      return tl::unexpected(kv::Error{kv::Errc::kIo, "refused for the test", {}});
    };
  }
  const auto proven = proven_by(fs, path, behind_first());
  REQUIRE_FALSE(proven.has_value());
  CHECK(proven.error().code == kv::Errc::kIo);
  CHECK(proven_by_readable(fs, path, behind_first()) == end_of_first);
}
