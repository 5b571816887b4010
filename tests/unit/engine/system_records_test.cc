#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "engine/data_directory.h"
#include "format/record.h"
#include "kv/salvage.h"
#include "kv/store.h"
#include "kv/verify.h"
#include "tests/support/scratch_dir.h"

namespace {

using namespace kv::format;
using kv::engine::DataDirectory;

// A database whose log was written by a member of a cluster: system records between the others.
struct ReplicatedLog {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  std::uint64_t last = 0;
  std::uint64_t chain = kChainStart;
  std::string bytes;
  std::uint64_t salt = 0;
  std::uint64_t config_at = 0;

  void append(RecordType type, std::string_view key = {}, std::string_view value = {}) {
    RecordHeader header{.type = type,
                        .key_size = static_cast<std::uint32_t>(key.size()),
                        .value_size = static_cast<std::uint32_t>(value.size()),
                        .term = 1,
                        .sequence = ++last};
    header.key_crc = kv::base::crc32c(key);
    header.body_crc = kv::base::crc32c_extend(header.key_crc, value);
    append_record(bytes, header, key, value, salt);
    chain = extend_chain(chain, header);
  }
  // Calls fill() for the records.
  template <class Fill>
  void make_segment(Fill fill) {
    auto dir = DataDirectory::open(kv::io::posix_file_system(), path, "", true, nullptr);
    REQUIRE(dir.has_value());
    auto made = (*dir)->create_segment(SegmentKind::kLog);
    REQUIRE(made.has_value());
    salt = made->salt;
    bytes =
        encode_segment_header({SegmentKind::kLog, made->id, salt, last + 1, 1, chain,
                               database_id_hash((*dir)->identity()), kSegmentVersionWithSystem});
    fill();
    const std::string_view pieces[] = {bytes};
    REQUIRE(made->file->write_at(0, pieces).has_value());
    REQUIRE(made->file->sync().has_value());
  }
  ReplicatedLog() {
    make_segment([this] {
      append(RecordType::kNoop);
      append(RecordType::kPut, "a", "1");
      config_at = bytes.size();
      append(RecordType::kConfig, {}, std::string(100, 'm'));
      append(RecordType::kPut, "b", "2");
      append(RecordType::kDelete, "a");
      append(RecordType::kNoop);
    });
    make_segment([this] { append(RecordType::kNoop); });
  }
  kv::Store open() const {
    kv::Options options;
    options.merges_automatically = false;
    auto store = kv::Store::open(path, options);
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : describe(store.error())));
    return std::move(*store);
  }
  static std::string get(const kv::Store& store, const std::string& key) {
    const auto value = store.get(key);
    REQUIRE(value.has_value());
    return *value ? (*value)->bytes : "(none)";
  }
  void remove_hints() const {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".hint") std::filesystem::remove(entry.path());
    }
  }
  void check_content() const {
    const kv::Store store = open();
    CHECK(store.stats().keys == 1);
    CHECK(get(store, "a") == "(none)");
    CHECK(get(store, "b") == "2");
  }
};

}  // namespace

TEST_CASE_FIXTURE(ReplicatedLog, "system records write no key and count as no record") {
  const auto report = kv::verify(path);
  REQUIRE(report.has_value());
  CHECK(report->findings.empty());
  CHECK(report->records == 3);
  check_content();
  check_content();  // by hints
  remove_hints();
  check_content();  // by scans of sealed segments
}

TEST_CASE_FIXTURE(ReplicatedLog, "a log that ends in system records goes on behind them") {
  for (int i = 0; i < 2; ++i) {
    kv::Store store = open();
    CHECK(store.stats().segments.size() >= 2);
    const auto written = store.put("c", "3");
    REQUIRE(written.has_value());
    CHECK(*written == last + 1);
    ++last;
  }
}

TEST_CASE_FIXTURE(ReplicatedLog, "a merge drops system records, and the keys stay") {
  {
    kv::Store store = open();
    REQUIRE(store.put("c", "3").has_value());
  }
  {
    kv::Store store = open();
    const auto merged = store.merge();
    REQUIRE(merged.has_value());
    CHECK(merged->inputs >= 1);
    CHECK(get(store, "b") == "2");
    CHECK(get(store, "c") == "3");
    const auto inspected = store.inspect("b");
    REQUIRE(inspected.has_value());
    REQUIRE(inspected->records.size() == 1);
    CHECK(inspected->records[0].is_in_merged);
    CHECK(inspected->records[0].version == 4);
  }
  CHECK(kv::verify(path)->findings.empty());
}

TEST_CASE_FIXTURE(ReplicatedLog, "a salvage takes what has keys") {
  const std::string to = scratch.path() + "/saved";
  const auto report = kv::salvage(path, to);
  REQUIRE(report.has_value());
  CHECK(report->findings.empty());
  path = to;
  check_content();
}

TEST_CASE_FIXTURE(ReplicatedLog, "a damaged system record is told and takes no key with it") {
  open();  // seals
  remove_hints();
  const std::string name = path + "/000001.seg";
  std::fstream file(name, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(config_at + kRecordHeaderSize));
  file << "?";
  REQUIRE(file.flush().good());
  const auto report = kv::verify(path);
  REQUIRE(report.has_value());
  REQUIRE(report->findings.size() == 1);
  CHECK(report->findings[0].keys.empty());
  CHECK_FALSE(report->findings[0].has_unknown_keys);
  CHECK(report->findings[0].first_version == 3);
  CHECK(report->findings[0].last_version == 3);
  check_content();
}
