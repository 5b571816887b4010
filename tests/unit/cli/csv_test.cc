#include "cli/csv.h"

#include <sstream>

#include <doctest/doctest.h>

using kv::cli::append_csv_field;
using kv::cli::CsvReader;

namespace {

// All records: fields in brackets, and what is wrong behind an exclamation mark.
std::string read(const std::string& text) {
  std::istringstream input(text);
  CsvReader reader(input);
  std::string out;
  std::vector<std::string> fields;
  for (std::string problem; reader.next(fields, problem);) {
    out += std::to_string(reader.line()) + ":";
    for (const std::string& field : fields) out += "[" + field + "]";
    if (!problem.empty()) out += "!" + problem;
    out += " ";
  }
  return out;
}

std::string written(std::string_view field) {
  std::string out;
  append_csv_field(out, field);
  return out;
}

}  // namespace

TEST_CASE("fields stand between commas, records end with LF or CRLF or the input") {
  CHECK(read("") == "");
  CHECK(read("a,b\nc,d\n") == "1:[a][b] 2:[c][d] ");
  CHECK(read("a,b\r\nc,d") == "1:[a][b] 2:[c][d] ");
  CHECK(read(",\n\n,,") == "1:[][] 2:[] 3:[][][] ");
  CHECK(read("a\rb\n") == "1:[a\rb] ");
}

TEST_CASE("a field in quotes holds commas, line ends and doubled quotes") {
  CHECK(read("\"a,b\",\"c\"\n") == "1:[a,b][c] ");
  CHECK(read("\"a\r\nb\",x\nnext,y\n") == "1:[a\r\nb][x] 3:[next][y] ");
  CHECK(read("\"say \"\"x\"\"\"\n") == "1:[say \"x\"] ");
  CHECK(read("\"\",\"\"\"\"\n") == "1:[][\"] ");
}

TEST_CASE("a quote out of place is told with its line, and the next record is read") {
  CHECK(read("a\"b,c\nd,e\n") == "1:[a\"b][c]!a quote in the middle of a field 2:[d][e] ");
  CHECK(read("\"a\"b,c\nd,e\n") == "1:[ab][c]!a quote in the middle of a field 2:[d][e] ");
  CHECK(read("\"a\n") == "1:[a\n]!a quoted field does not end ");
}

TEST_CASE("a field is written with quotes only where it needs them") {
  CHECK(written("plain text") == "plain text");
  CHECK(written("") == "");
  CHECK(written("a,b") == "\"a,b\"");
  CHECK(written("a\"b") == "\"a\"\"b\"");
  CHECK(written("a\nb") == "\"a\nb\"");
  CHECK(written("a\rb") == "\"a\rb\"");
}

TEST_CASE("what is written is read back") {
  for (const std::string field : {"", ",", "\"", "\"\"", "\r", "\n", "\r\n", "a,\"b\"\r\nc", " "}) {
    CAPTURE(field);
    CHECK(read(written(field) + ",x\r\n") == "1:[" + field + "][x] ");
  }
}

TEST_CASE("all bytes that were read are counted") {
  std::istringstream input("a,\"b\"\"\"\r\nc,d");
  CsvReader reader(input);
  std::vector<std::string> fields;
  std::string problem;
  REQUIRE(reader.next(fields, problem));
  CHECK(reader.bytes() == 9);
  REQUIRE(reader.next(fields, problem));
  CHECK(reader.bytes() == 12);
  CHECK(!reader.next(fields, problem));
}
