#include "engine/unsealed.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/database_files.h"
#include "engine/store_impl.h"
#include "engine/verify.h"
#include "format/names.h"
#include "kv/store.h"
#include "kv/verify.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"

using kv::engine::DataDirectory;
using kv::engine::ManifestLog;

namespace {

// A closed database of several segments, whose MANIFEST then forgets that one of them was sealed.
struct ForgottenSeal {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  kv::Options options;
  int keys = 0;

  ForgottenSeal() {
    options.segment_size_max = 16 * 1024;
    options.merges_automatically = false;
    auto store = kv::Store::open(path, options);
    REQUIRE(store.has_value());
    for (; keys < 60 || store->stats().segments.size() < 5; ++keys) {
      REQUIRE(store->put("key" + std::to_string(keys), std::string(1000, 'x')).has_value());
    }
  }

  void forget(std::uint32_t number) { forget(number, number); }
  void forget(std::uint32_t first, std::uint32_t last) {
    const auto is_forgotten = [&](kv::format::SegmentId id) {
      return kv::format::number(id) >= first && kv::format::number(id) <= last;
    };
    const auto id = static_cast<kv::format::SegmentId>(first);
    kv::io::FileSystem& fs = kv::io::posix_file_system();
    auto dir = DataDirectory::open(fs, path, "test", false, nullptr);
    REQUIRE(dir.has_value());
    kv::format::ManifestState state = (*dir)->manifest().state();
    const std::uint64_t hash = kv::format::database_id_hash((*dir)->identity());
    REQUIRE(state.segments.size() >= 4);
    REQUIRE(state.segments.at(id).is_sealed);
    std::filesystem::remove(path + "/MANIFEST-000001");
    auto manifest = ManifestLog::create(fs, path, hash);
    REQUIRE(manifest.has_value());
    std::vector<kv::format::Edit> edits;
    for (const auto& [other, info] : state.segments) {
      edits.emplace_back(kv::format::AddSegment{other, info.kind, info.salt});
      if (!info.is_sealed || is_forgotten(other)) continue;
      edits.emplace_back(kv::format::SealSegment{
          other, info.size, info.records, info.first_sequence, info.last_sequence, info.end_chain});
    }
    REQUIRE((*manifest)->append(edits).has_value());
  }

  std::vector<std::uint32_t> segments(bool is_sealed) const {
    const auto files = kv::engine::read_database_files(kv::io::posix_file_system(), path);
    REQUIRE(files.has_value());
    std::vector<std::uint32_t> numbers;
    for (const auto& [id, info] : files->manifest->state.segments) {
      if (info.is_sealed == is_sealed) numbers.push_back(kv::format::number(id));
    }
    return numbers;
  }
  std::string file_path(std::uint32_t number) const {
    return path + "/" + kv::format::segment_name(static_cast<kv::format::SegmentId>(number));
  }

  // "there", or what else a key is, in order of keys; "corrupt" for those known to be damaged.
  int count(std::string_view wanted) const {
    auto store = kv::Store::open(path, options);
    REQUIRE(store.has_value());
    int found = 0;
    for (int i = 0; i < keys; ++i) {
      const auto value = store->get("key" + std::to_string(i));
      std::string_view state = "there";
      if (!value) {
        state = value.error().code == kv::Errc::kCorruption ? "corrupt" : "error";
      } else if (!*value) {
        state = "absent";
      }
      if (state == wanted) ++found;
    }
    return found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(ForgottenSeal, "a segment left unsealed before sealed ones is taken whole") {
  forget(2);
  CHECK(count("there") == keys);
  CHECK(count("there") == keys);
}

TEST_CASE_FIXTURE(ForgottenSeal, "zeros ahead of a log that went on elsewhere are no damage") {
  struct Alarms final : kv::EventListener {
    std::vector<std::string> told;
    void on_event(const kv::Event& event) override {
      if (event.level == kv::Event::Level::kError) told.emplace_back(event.details);
    }
  } alarms;
  options.listener = &alarms;
  const std::vector<std::uint32_t> all = segments(true);
  forget(2, all.back());
  const auto size = std::filesystem::file_size(file_path(2));
  std::filesystem::resize_file(file_path(2), size + 4096);
  const auto verified = kv::verify(path);
  REQUIRE(verified.has_value());
  CHECK(verified->findings.empty());
  CHECK(count("there") == keys);
  CHECK(alarms.told == std::vector<std::string>());
  CHECK(std::filesystem::file_size(file_path(2)) == size);
}

TEST_CASE_FIXTURE(ForgottenSeal, "what is missing before a sealed segment is damage, not a tail") {
  forget(2);
  const std::string segment = path + "/000002.seg";
  std::filesystem::remove(path + "/000002.hint");
  std::filesystem::resize_file(segment, std::filesystem::file_size(segment) / 2);
  const int corrupt = count("corrupt");
  CHECK(corrupt > 0);
  CHECK(count("absent") == 0);
  CHECK(count("there") == keys - corrupt);
  CHECK(count("corrupt") == corrupt);
}

TEST_CASE_FIXTURE(ForgottenSeal, "one unreadable segment hides no damage that others prove") {
  forget(2, segments(true).back());
  const std::string damaged = file_path(2);
  std::filesystem::resize_file(damaged, std::filesystem::file_size(damaged) / 2);
  kv::test::HookedFileSystem fs;
  const std::string unreadable = file_path(4);
  fs.on_read = [&](const kv::test::HookedFileSystem::Read& read) -> kv::Result<void> {
    if (read.path != unreadable) return {};
    return tl::unexpected(kv::Error{kv::Errc::kIo, "refused for the test", {}});
  };
  const auto report = kv::engine::verify_database(fs, path, {});
  REQUIRE(report.has_value());
  std::map<std::string, std::string> found;
  for (const kv::Finding& finding : report->findings) found[finding.file] = finding.what;
  CHECK(found.at(damaged) == "damaged records");
  CHECK(found.at(unreadable) == "file unreadable");
  CHECK(found.size() == 2);
  // A start does not go on without what it could not read.
  CHECK_FALSE(kv::StoreImpl::open(fs, path, options, kv::Background::kCaller).has_value());
}

TEST_CASE_FIXTURE(ForgottenSeal, "a database opens wherever the end of a segment is cut") {
  forget(2);
  const std::string segment = path + "/000002.seg";
  std::filesystem::remove(path + "/000002.hint");
  // Behind the key of a record, where the next record cannot begin yet.
  const std::string text = *kv::io::read_file(kv::io::posix_file_system(), segment);
  const auto key = text.find("key", text.size() / 2);
  REQUIRE(key != std::string::npos);
  std::filesystem::resize_file(segment, text.find('x', key) + 1);
  const int corrupt = count("corrupt");
  CHECK(corrupt > 0);
  CHECK(count("absent") == 0);
  CHECK(count("there") == keys - corrupt);
}

TEST_CASE_FIXTURE(ForgottenSeal, "a missing segment is damage where it is known what it held") {
  SUBCASE("by a sealed one behind it") { forget(2); }
  SUBCASE("by an unsealed one behind it") {
    forget(2);
    forget(3);
  }
  SUBCASE("by an unsealed one that no sealed one follows") {
    for (const std::uint32_t number : segments(true)) {
      if (number >= 2) forget(number);
    }
  }
  std::filesystem::remove(path + "/000002.seg");
  std::filesystem::remove(path + "/000002.hint");
  const int corrupt = count("corrupt");
  CHECK(corrupt > 0);
  CHECK(count("absent") == 0);
  const int there = count("there");
  CHECK(there > 0);
  CHECK(there == keys - corrupt);
  // An old value of a key that was in it is none that counts.
  {
    auto store = kv::Store::open(path, options);
    REQUIRE(store.has_value());
    REQUIRE(store->put("key0", "new").has_value());
  }
  CHECK(count("there") == there + 1);
  CHECK(count("corrupt") == corrupt - 1);
}

TEST_CASE_FIXTURE(ForgottenSeal, "a missing segment that held nothing is no loss") {
  const auto spares = segments(false);
  REQUIRE(spares.size() == 1);
  REQUIRE(std::filesystem::remove(file_path(spares.front())));
  CHECK(count("there") == keys);
  CHECK(count("there") == keys);
}
