#pragma once

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

namespace kv::test {

// A database of merged segments put together by hand, so that it is known where each record lies.
// Their hints are missing, as a disk that was full leaves them.
struct MergedSegments {
  struct Record {
    std::string key;
    std::string value;
    std::uint64_t sequence;
  };
  static constexpr std::uint64_t kFirst = format::kSegmentHeaderSize;
  static constexpr std::uint64_t kRecordSize = 56;  // of a record with few bytes of key and value

  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  std::optional<kv::Store> store;

  // The outputs of one merge each, committed.
  void make(const std::vector<std::vector<Record>>& segments) const {
    auto dir = open_directory();
    for (const auto& records : segments) {
      const format::Edit edits[] = {make_output(*dir, records)};
      REQUIRE(dir->manifest().append(edits).has_value());
    }
  }
  // The output of a merge that was not committed; its number.
  int make_uncommitted(const std::vector<Record>& records) const {
    return static_cast<int>(format::number(make_output(*open_directory(), records).id));
  }
  std::string segment_path(int segment) const {
    return path + "/00000" + std::to_string(segment) + ".seg";
  }
  void write(int segment, std::uint64_t offset, const std::string& bytes) const {
    std::fstream file(segment_path(segment), std::ios::in | std::ios::out | std::ios::binary);
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

 private:
  std::unique_ptr<engine::DataDirectory> open_directory() const {
    auto dir = engine::DataDirectory::open(io::posix_file_system(), path, "", true, nullptr);
    REQUIRE(dir.has_value());
    return std::move(*dir);
  }
  static format::SealSegment make_output(engine::DataDirectory& dir,
                                         const std::vector<Record>& records) {
    engine::SegmentTable table(dir.fs(), 8);
    auto output = engine::MergeOutput::create(dir, table);
    REQUIRE(output.has_value());
    for (const Record& record : records) {
      format::RecordHeader header;
      header.type = format::RecordType::kPut;
      header.key_size = static_cast<std::uint32_t>(record.key.size());
      header.value_size = static_cast<std::uint32_t>(record.value.size());
      header.key_crc = base::crc32c(record.key);
      header.body_crc = base::crc32c(record.key + record.value);
      header.sequence = record.sequence;
      REQUIRE((*output)->append(header, record.key, record.value).has_value());
    }
    REQUIRE((*output)->finish().has_value());
    std::filesystem::remove(dir.hint_path((*output)->segment().id()));
    return (*output)->seal_edit();
  }
};

}  // namespace kv::test
