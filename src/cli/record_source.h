#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "cli/csv.h"
#include "cli/json_text.h"

namespace kv::cli {

// Reads records one after the other: NDJSON, an object with "key" and "value" (or "key_b64",
// "value_b64") in each line, or CSV under a header that names those columns in any order. Blank
// lines and a byte order mark are skipped. What it keeps is one record. One thread.
class RecordSource {
 public:
  enum class Format { kNdjson, kCsv };
  RecordSource(std::istream& input, Format format) : input_(input), csv_(input), format_(format) {}

  enum class Step {
    kRecord,
    kBad,     // problem() says what is wrong with it; the next call goes on behind it
    kBroken,  // the same, and nothing behind it can be understood
    kEnd,
  };
  Step next(JsonRecord& record);
  const std::string& problem() const { return problem_; }
  // Where the last record began, from 1.
  std::uint64_t line() const { return format_ == Format::kCsv ? csv_.line() : line_; }
  std::uint64_t bytes_read() const { return format_ == Format::kCsv ? csv_.bytes() : bytes_; }

 private:
  // A field of the record and how the file spells it.
  struct Column {
    std::size_t index = SIZE_MAX;
    bool is_base64 = false;
  };
  Step next_json(JsonRecord& record);
  Step next_csv(JsonRecord& record);
  bool read_header();
  bool take(const Column& column, const char* name, std::string& out);
  void skip_byte_order_mark();

  std::istream& input_;
  CsvReader csv_;
  const Format format_;
  std::string problem_;
  bool has_begun_ = false;
  std::vector<std::string> fields_;
  std::size_t column_count_ = 0;
  Column key_;
  Column value_;
  std::uint64_t line_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace kv::cli
