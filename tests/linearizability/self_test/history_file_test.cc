#include "tests/linearizability/history_file.h"

#include <sstream>

#include <doctest/doctest.h>

using kv::linearizability::History;
using kv::linearizability::Operation;

namespace {

std::string written(const History& history) {
  std::ostringstream out;
  write_history(out, history);
  return out.str();
}

// Empty: it was read.
std::string error_of(const std::string& text, History& history) {
  std::istringstream in(text);
  const auto read = read_history(in, "file", history);
  return read ? "" : read.error().context;
}

std::string error_of_line(const std::string& line) {
  History history;
  return error_of("kv-history 1\n" + line + "\n", history);
}

}  // namespace

TEST_CASE("a history is written as it was read") {
  const std::string text =
      "kv-history 1\n"
      "1 100 220 PUT k1 v1 = OK ver=5\n"
      "2 150 300 GET k1 = VALUE v1 ver=5\n"
      "2 150 300 GET k1 = VALUE v1\n"
      "2 310 390 GET k9 = NOT_FOUND\n"
      "2 310 390 GET k9 read=stale = NOT_FOUND\n"
      "1 230 260 PUT k1 v2 if=absent = CONFLICT ver=5\n"
      "1 230 260 PUT k1 v2 if=present ack=local = OK ver=6\n"
      "1 270 - PUT k1 v3 if=5 ack=local = UNKNOWN\n"
      "1 270 280 PUT k1 v3 = UNKNOWN ver=18446744073709551615\n"
      "3 10 20 BPUT k2 a k3 b = OK ver=4\n"
      "3 10 20 BPUT k2 a k3 b ack=local = OK ver=4\n"
      "3 30 40 DEL k2 if=4 = FAILED NOT_LEADER\n"
      "3 30 40 DEL k2 ack=local = FAILED\n"
      "3 50 60 GET k2 read=session = VALUE a ver=4\n"
      "leader 5000\n";
  History history;
  REQUIRE(error_of(text, history) == "");
  CHECK(history.operations.size() == 14);
  CHECK(history.leader_changes == std::vector<std::uint64_t>{5000});
  CHECK(written(history) == text);
}

TEST_CASE("keys and values of any bytes come back from a file") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string texts[] = {all,     "",    "\"",    "\"\"", "=",      "ack=local", "if=5",
                               "ver=5", "a b", "\\x41", "==",   "leader", "#",         "-"};
  History history;
  for (const std::string& text : texts) {
    Operation put;
    put.kind = Operation::Kind::kPut;
    put.key = put.value = text;
    history.operations.push_back(put);
    Operation batch;
    batch.kind = Operation::Kind::kBatch;
    batch.batch = {{text, text}, {"k", "v"}, {text, "v"}};
    history.operations.push_back(batch);
  }
  History again;
  REQUIRE(error_of(written(history), again) == "");
  REQUIRE(again.operations.size() == history.operations.size());
  for (std::size_t i = 0; i < again.operations.size(); ++i) {
    CAPTURE(describe(history.operations[i]));
    CHECK(again.operations[i].key == history.operations[i].key);
    CHECK(again.operations[i].value == history.operations[i].value);
    CHECK(again.operations[i].batch == history.operations[i].batch);
  }
}

TEST_CASE("comments, empty lines and a second file's header are passed over") {
  History history;
  const std::string text =
      "kv-history 1\n# from client 1\n\n1 0 1 GET a = NOT_FOUND\nkv-history 1\n"
      "2 0 1 GET a = NOT_FOUND\n";
  CHECK(error_of(text, history) == "");
  CHECK(history.operations.size() == 2);
}

TEST_CASE("a malformed line is refused with its number") {
  History history;
  const std::string good = "1 0 1 GET a = NOT_FOUND\n";
  CHECK(error_of("kv-history 1\n" + good + "\n1 0 1 GTE a = NOT_FOUND\n" + good, history) ==
        "file:4: unknown request 'GTE'");
  CHECK(error_of(good, history) == "file:1: the first line is not 'kv-history 1'");
  CHECK(error_of("", history) == "file:1: the first line is not 'kv-history 1'");
  // Cut off in the middle of ver=57.
  CHECK(error_of("kv-history 1\n1 0 1 PUT a b = OK ver=5", history) ==
        "file:2: the line has no end");
}

TEST_CASE("what a line may not be") {
  REQUIRE(error_of_line("1 0 1 PUT a b = OK ver=5") == "");
  const char* const bad[] = {
      "1",
      "x 0 1 GET a = NOT_FOUND",
      "-1 0 1 GET a = NOT_FOUND",
      "1 0x1 1 GET a = NOT_FOUND",
      "1 0 18446744073709551616 GET a = NOT_FOUND",
      "1 2 1 GET a = NOT_FOUND",   // returns before it is called
      "1 0 - GET a = NOT_FOUND",   // an answer that never came
      "1 0 1  GET a = NOT_FOUND",  // two blanks
      "1 0 1 GET a = NOT_FOUND ",
      " 1 0 1 GET a = NOT_FOUND",
      "1 0 1 get a = NOT_FOUND",
      "1 0 1 GET = NOT_FOUND",
      "1 0 1 GET a NOT_FOUND",
      "1 0 1 GET a",
      "1 0 1 GET a =",
      "1 0 1 GET a = OK",
      "1 0 1 GET a = VALUE",
      "1 0 1 GET a = VALUE b c",
      "1 0 1 GET a = VALUE b ver=",
      "1 0 1 GET a = VALUE b ver=1 ver=1",
      "1 0 1 GET a = CONFLICT ver=1",
      "1 0 1 GET a if=absent = NOT_FOUND",
      "1 0 1 GET a read=dirty = NOT_FOUND",
      "1 0 1 GET a ack=local = NOT_FOUND",
      "1 0 1 PUT a = OK",
      "1 0 1 PUT a b = VALUE b",
      "1 0 1 PUT a b = NOT_FOUND",
      "1 0 1 PUT a b = CONFLICT ver=1",  // without a condition
      "1 0 1 PUT a b if=absent = CONFLICT",
      "1 0 1 PUT a b if=never = OK",
      "1 0 1 PUT a b if=5 if=6 = OK",
      "1 0 1 PUT a b c = OK",
      "1 0 1 PUT a\\x4 b = OK",
      "1 0 1 PUT a\\ b = OK",
      "1 0 1 PUT \"a b = OK",
      "1 0 1 PUT a \xc3\xa4 = OK",
      "1 0 1 DEL a if=absent = OK",
      "1 0 1 DEL a b = OK",
      "1 0 1 BPUT = OK",
      "1 0 1 BPUT a = OK",
      "1 0 1 BPUT a b c = OK",
      "1 0 1 BPUT a b if=absent = OK",
      "1 0 1 PUT a b = FAILED NOT LEADER",
      "leader",
      "leader x",
      "leader 1 2",
  };
  for (const char* line : bad) {
    CAPTURE(line);
    CHECK(error_of_line(line).starts_with("file:2: "));
  }
}
