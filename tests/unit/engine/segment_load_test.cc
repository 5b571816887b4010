#include "engine/segment_load.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "engine/merge_output.h"
#include "kv/store.h"
#include "tests/support/scratch_dir.h"

using kv::engine::DataDirectory;
using kv::engine::MergeOutput;
using kv::engine::SegmentTable;

namespace {

// A database of merged segments put together by hand, so that it is known where each record lies.
// Their hints are missing, as a disk that was full leaves them.
struct MergedSegments {
  struct Record {
    std::string key;
    std::string value;
    std::uint64_t sequence;
  };

  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  std::optional<kv::Store> store;

  void make(const std::vector<std::vector<Record>>& segments) const {
    kv::io::FileSystem& fs = kv::io::posix_file_system();
    auto dir = DataDirectory::open(fs, path, "", true, nullptr);
    REQUIRE(dir.has_value());
    SegmentTable table(fs, 8);
    for (const auto& records : segments) {
      auto output = MergeOutput::create(**dir, table);
      REQUIRE(output.has_value());
      for (const Record& record : records) {
        kv::format::RecordHeader header;
        header.type = kv::format::RecordType::kPut;
        header.key_size = static_cast<std::uint16_t>(record.key.size());
        header.value_size = static_cast<std::uint32_t>(record.value.size());
        header.key_crc = kv::base::crc32c(record.key);
        header.body_crc = kv::base::crc32c(record.key + record.value);
        header.sequence = record.sequence;
        REQUIRE((*output)->append(header, record.key, record.value).has_value());
      }
      REQUIRE((*output)->finish().has_value());
      const kv::format::Edit edits[] = {(*output)->seal_edit()};
      REQUIRE((*dir)->manifest().append(edits).has_value());
      std::filesystem::remove((*dir)->hint_path((*output)->segment().id()));
    }
  }
  void write(int segment, std::uint64_t offset, const std::string& bytes) const {
    std::fstream file(path + "/00000" + std::to_string(segment) + ".seg",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
    REQUIRE(file.flush().good());
  }
  // Makes the header of the record at `offset` one that no checksum fits; its key is left.
  void damage_header(int segment, std::uint64_t offset) const {
    constexpr std::uint64_t kTimestampAt = 40;
    write(segment, offset + kTimestampAt, "?");
  }
  void open() {
    store.reset();
    auto opened = kv::Store::open(path);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  std::string get(const std::string& key) const {
    const auto value = store->get(key);
    if (!value) return value.error().code == kv::Errc::kCorruption ? "(corrupt)" : "(error)";
    return *value ? (*value)->bytes : "(none)";
  }
};

constexpr std::uint64_t kFirst = kv::format::kSegmentHeaderSize;
constexpr std::uint64_t kRecordSize = 56;  // of a record with few bytes of key and value

}  // namespace

TEST_CASE_FIXTURE(MergedSegments, "an older value never stands for a damaged merged one") {
  // The sequences that lie before a record say nothing of its own.
  make({{{"k", "old", 5}}, {{"a", "1", 1}, {"k", "new", 6}, {"b", "2", 2}}, {{"z", "3", 9}}});
  damage_header(2, kFirst + kRecordSize);
  open();
  CHECK(get("k") == "(corrupt)");
  CHECK(get("a") == "1");
  CHECK(get("b") == "2");
  CHECK(get("z") == "3");
  REQUIRE(store->put("k", "again").has_value());
  CHECK(get("k") == "again");
  open();
  CHECK(get("k") == "again");
}

TEST_CASE_FIXTURE(MergedSegments, "a newer value stands, though an older one is damaged") {
  make({{{"k", "old", 5}, {"a", "1", 2}}, {{"k", "new", 6}}});
  damage_header(1, kFirst);
  open();
  CHECK(get("k") == "new");
}

TEST_CASE_FIXTURE(MergedSegments, "a database opens wherever a merged segment is damaged") {
  make({{{"a", "1", 4}, {"b", "2", 9}, {"c", "3", 7}}});
  SUBCASE("in its first record") {
    damage_header(1, kFirst);
    open();
    CHECK(get("a") == "(corrupt)");
    CHECK(get("b") == "2");
    CHECK(get("none") == "(none)");
  }
  SUBCASE("behind its highest sequence") {
    damage_header(1, kFirst + 2 * kRecordSize);
    open();
    CHECK(get("c") == "(corrupt)");
    CHECK(get("b") == "2");
    CHECK(get("none") == "(none)");
  }
  SUBCASE("in each record") {
    for (std::uint64_t i = 0; i < 3; ++i) damage_header(1, kFirst + i * kRecordSize);
    open();
    for (const char* key : {"a", "b", "c"}) CHECK(get(key) == "(corrupt)");
  }
  SUBCASE("all over") {
    write(1, kFirst, std::string(3 * kRecordSize, '?'));
    open();
    for (const char* key : {"a", "b", "c", "none"}) CHECK(get(key) == "(corrupt)");
  }
}

TEST_CASE_FIXTURE(MergedSegments, "a merged range that hides its keys hides no later writes") {
  make({{{"a", "1", 4}, {"b", "2", 9}, {"c", "3", 7}}});
  write(1, kFirst, std::string(2 * kRecordSize, '\0'));
  open();
  for (const char* key : {"a", "b", "c", "none"}) CHECK(get(key) == "(corrupt)");
  for (const char* key : {"a", "new"}) REQUIRE(store->put(key, "again").has_value());
  for (const char* key : {"a", "new"}) CHECK(get(key) == "again");
  open();
  for (const char* key : {"a", "new"}) CHECK(get(key) == "again");
  CHECK(get("b") == "(corrupt)");
}
