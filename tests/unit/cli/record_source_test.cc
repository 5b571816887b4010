#include "cli/record_source.h"

#include <sstream>

#include <doctest/doctest.h>

#include "kv/options.h"

using namespace kv::cli;

namespace {

using Format = RecordSource::Format;
using Step = RecordSource::Step;

// All records as "line:key=value", bad ones as "line!problem".
std::string read(const std::string& text, Format format) {
  std::istringstream input(text);
  RecordSource source(input, format);
  std::string out;
  JsonRecord record;
  for (Step step = source.next(record); step != Step::kEnd; step = source.next(record)) {
    out += std::to_string(source.line());
    if (step == Step::kRecord) {
      out += ":" + record.key + "=" + record.value + "\n";
      continue;
    }
    out += "!" + source.problem() + "\n";
    if (step == Step::kBroken) return out + "broken";
  }
  return out;
}

}  // namespace

TEST_CASE("NDJSON is read line by line, blank lines and all line ends") {
  CHECK(read("", Format::kNdjson) == "");
  CHECK(read("{\"key\":\"a\",\"value\":\"1\"}\n\n  \r\n{\"key\":\"b\",\"value\":\"\"}\r\n",
             Format::kNdjson) == "1:a=1\n4:b=\n");
  CHECK(read("{\"key\":\"a\",\"value\":\"no line end\"}", Format::kNdjson) == "1:a=no line end\n");
}

TEST_CASE("a bad line of NDJSON is told and those behind it are read") {
  CHECK(read("nonsense\n{\"key\":\"a\",\"value\":\"1\"}\n", Format::kNdjson) ==
        "1!not a JSON object\n2:a=1\n");
}

TEST_CASE("a byte order mark in front is no part of the first record") {
  CHECK(read("\xef\xbb\xbf{\"key\":\"a\",\"value\":\"1\"}\n", Format::kNdjson) == "1:a=1\n");
  CHECK(read("\xef\xbb\xbfkey,value\na,1\n", Format::kCsv) == "2:a=1\n");
}

TEST_CASE("the header of CSV says which column is what") {
  CHECK(read("key,value\r\na,1\r\n\"b,\",\"2\n\"\r\n", Format::kCsv) == "2:a=1\n3:b,=2\n\n");
  CHECK(read("value,key\n1,a\n", Format::kCsv) == "2:a=1\n");
  CHECK(read("key_b64,value\nYQ==,1\n", Format::kCsv) == "2:a=1\n");
  CHECK(read("", Format::kCsv) == "");
}

TEST_CASE("CSV without a header that is understood is not read at all") {
  const std::string broken = "1!the first line must be key,value (or key_b64,value_b64)\nbroken";
  CHECK(read("a,1\nb,2\n", Format::kCsv) == broken);
  CHECK(read("key,key\n", Format::kCsv) == broken);
  CHECK(read("key\n", Format::kCsv) == broken);
  CHECK(read("key,value,extra\n", Format::kCsv) == broken);
}

TEST_CASE("a bad record of CSV is told and those behind it are read") {
  CHECK(read("key,value\na\nb,2,3\nc,3\n\nd,4\n", Format::kCsv) ==
        "2!1 fields instead of 2\n3!3 fields instead of 2\n4:c=3\n6:d=4\n");
  CHECK(read("key,value_b64\na,???\nb,Mg==\n", Format::kCsv) ==
        "2!value_b64 is not base64\n3:b=2\n");
}

TEST_CASE("a key or value that no store takes is a bad record") {
  CHECK(read("{\"key\":\"\",\"value\":\"1\"}\n", Format::kNdjson) ==
        "1!a key of 0 bytes; 1 to 65536 can be\n");
  const std::string longest(kv::kKeySizeMax, 'k');
  CHECK(read("key,value\n" + longest + ",1\n", Format::kCsv) == "2:" + longest + "=1\n");
  CHECK(read("key,value\n" + longest + "k,1\n", Format::kCsv) ==
        "2!a key of 65537 bytes; 1 to 65536 can be\n");
  CHECK(read("key,value\nk," + std::string(kv::kValueSizeMax + 1, 'v') + "\n", Format::kCsv) ==
        "2!a value of 67108865 bytes; 67108864 is the most\n");
}

TEST_CASE("how much has been read is known for the progress bar") {
  std::istringstream input("{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n");
  RecordSource source(input, Format::kNdjson);
  JsonRecord record;
  REQUIRE(source.next(record) == Step::kRecord);
  CHECK(source.bytes_read() == 24);
  REQUIRE(source.next(record) == Step::kRecord);
  CHECK(source.bytes_read() == 48);
}
