#include "cli/json_text.h"

#include <doctest/doctest.h>

using namespace kv::cli;

namespace {

std::string problem_with(std::string_view line) {
  std::string problem;
  return record_of_json(line, problem) ? "none" : problem;
}

}  // namespace

TEST_CASE("a record is an object in one line, text where it is text and base64 where not") {
  const std::string text = "two\nlines \"quoted\" \xf0\x9f\x8c\x8d";
  CHECK(json_of("key", &text, 0) ==
        "{\"key\":\"key\",\"value\":\"two\\nlines \\\"quoted\\\" \xf0\x9f\x8c\x8d\"}");
  const std::string bytes("\xff\0", 2);
  CHECK(json_of("\xfe", &bytes, 7) == R"({"key_b64":"/g==","value_b64":"/wA=","version":7})");
  CHECK(json_of("key", nullptr, 3) == R"({"key":"key","version":3})");
}

TEST_CASE("any bytes come back as they were") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const std::string& value :
       {std::string(), std::string("\0", 1), std::string("text"), bytes}) {
    std::string problem;
    const auto record = record_of_json(json_of(bytes, &value, 1), problem);
    REQUIRE(record);
    CHECK(record->key == bytes);
    CHECK(record->value == value);
  }
}

TEST_CASE("what else an object holds does not matter") {
  std::string problem;
  const auto record = record_of_json(R"( {"x":[1,{}],"value":"v","key":"k"} )", problem);
  REQUIRE(record);
  CHECK(record->key == "k");
  CHECK(record->value == "v");
}

TEST_CASE("what is wrong with a line is told") {
  CHECK(problem_with("") == "not a JSON object");
  CHECK(problem_with("{") == "not a JSON object");
  CHECK(problem_with("[1]") == "not a JSON object");
  CHECK(problem_with("{} {}") == "not a JSON object");
  CHECK(problem_with(R"({"value":"v"})") == R"("key" or "key_b64" is missing or no string)");
  CHECK(problem_with(R"({"key":1,"value":"v"})") ==
        R"("key" or "key_b64" is missing or no string)");
  CHECK(problem_with(R"({"key":"k","value":null})") ==
        R"("value" or "value_b64" is missing or no string)");
  CHECK(problem_with(R"({"key":"k","value_b64":"Z"})") == R"("value_b64" is not base64)");
  CHECK(problem_with("{\"key\":\"\xff\",\"value\":\"v\"}") == "not a JSON object");
}
