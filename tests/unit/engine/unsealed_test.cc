#include "engine/unsealed.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "kv/store.h"
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

  void forget(std::uint32_t number) {
    const auto id = static_cast<kv::format::SegmentId>(number);
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
      if (!info.is_sealed || other == id) continue;
      edits.emplace_back(kv::format::SealSegment{
          other, info.size, info.records, info.first_sequence, info.last_sequence, info.end_chain});
    }
    REQUIRE((*manifest)->append(edits).has_value());
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

TEST_CASE_FIXTURE(ForgottenSeal, "what is missing before a sealed segment is damage, not a tail") {
  forget(2);
  const std::string segment = path + "/000002.seg";
  std::filesystem::remove(path + "/000002.hint");
  std::filesystem::resize_file(segment, std::filesystem::file_size(segment) / 2);
  const int corrupt = count("corrupt");
  CHECK(corrupt > 0);
  CHECK(count("absent") == 0);
  CHECK(count("there") == keys - corrupt);
}
