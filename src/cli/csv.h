#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kv::cli {

// RFC 4180: fields with a comma, quote or line end stand in quotes, a quote is doubled.
void append_csv_field(std::string& out, std::string_view field);

// Reads records, which may span lines. One thread.
class CsvReader {
 public:
  explicit CsvReader(std::istream& input) : input_(input) {}
  // False at the end. On malformed input `problem` is set and the line is skipped.
  bool next(std::vector<std::string>& fields, std::string& problem);
  std::uint64_t line() const { return line_; }  // of the record returned last
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::istream& input_;
  std::uint64_t line_ = 0;
  std::uint64_t next_line_ = 1;
  std::uint64_t bytes_ = 0;
};

}  // namespace kv::cli
