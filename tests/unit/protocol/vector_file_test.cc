#include "protocol/vector_file.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::protocol;

namespace {

constexpr const char* kGood =
    "# about the file\n"
    "\n"
    "= a title: with marks > < !\n"
    "> PUT 1 1\\nab\n"
    "< OK ver=*\\n\n"
    "# between\n"
    "> PING\\n\n"
    "< OK\\n\n"
    "! open\n"
    "= second\n"
    "> GET\n"
    "! eof\n"
    "! close\n";

std::string error_of(std::string_view text) {
  const auto cases = parse_vectors("a.vec", text);
  REQUIRE_FALSE(cases);
  CHECK(cases.error().code == kv::Errc::kInvalidArgument);
  return cases.error().context;
}

}  // namespace

TEST_CASE("a vector file is a list of cases") {
  const auto cases = parse_vectors("a.vec", kGood);
  REQUIRE(cases);
  REQUIRE(cases->size() == 2);
  const VectorCase& first = cases->front();
  CHECK(first.file == "a.vec");
  CHECK(first.line == 3);
  CHECK(first.title == "a title: with marks > < !");
  CHECK(first.sent == "PUT 1 1\nabPING\n");
  CHECK_FALSE(first.ends_input);
  CHECK(first.then == VectorCase::Then::kOpen);
  CHECK(first.expected.size() == 2);
  CHECK(match(first.expected, "OK ver=12\nOK\n"));
  const VectorCase& second = cases->back();
  CHECK(second.sent == "GET");
  CHECK(second.ends_input);
  CHECK(second.then == VectorCase::Then::kClose);
  CHECK(match(second.expected, ""));
}

TEST_CASE("an unfinished or unclear case is an error that names file and line") {
  CHECK(error_of("> PING\\n\n").starts_with("a.vec:1: "));
  CHECK(error_of("= a\n> PING\\n\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n= b\n! open\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n\n> \\q\n! open\n").starts_with("a.vec:3: "));
  CHECK(error_of("= a\n< *\n! open\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n! half\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n! eof\n! open\n").starts_with("a.vec:3: "));
  CHECK(error_of("= a\n> PING \n! open\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n>PING\n! open\n").starts_with("a.vec:2: "));
  CHECK(error_of("= a\n? PING\n! open\n").starts_with("a.vec:2: "));
  CHECK(error_of("=\n! open\n").starts_with("a.vec:1: "));
}

TEST_CASE("what differs is told, and so is what is missing or too much") {
  const auto cases = parse_vectors("a.vec", kGood);
  REQUIRE(cases);
  const auto& expected = cases->front().expected;
  CHECK(mismatch(expected, "OK ver=1\nNOT_FOUND\n") == "expected: OK\\n\n  actual: NOT_FOUND\\n");
  CHECK(mismatch(expected, "OK ver=1\n") == "expected: OK\\n\n  actual: (nothing)");
  CHECK(mismatch(expected, "OK ver=1\nOK\nOK\n") == "expected: (nothing more)\n  actual: OK\\n");
  CHECK_FALSE(match(expected, ""));
}

TEST_CASE("the project's vectors can be read, and a folder without any cannot") {
  const auto all = load_vectors(KV_SOURCE_DIR "/protocol/vectors");
  REQUIRE_MESSAGE(all, all.error().context);
  CHECK(all->size() > 200);
  const auto none = load_vectors(KV_SOURCE_DIR "/protocol");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == kv::Errc::kIo);
  CHECK_FALSE(load_vectors(KV_SOURCE_DIR "/protocol/nowhere"));
}
