// Every conformance vector against the parser alone: what it refuses must be what the vectors say,
// however the bytes are split. What a server answers to good requests is tested with the server.

#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "protocol/parser.h"
#include "protocol/vector_file.h"
#include "unit/protocol/support/parser_run.h"

using namespace kv::protocol;

namespace {

using Event = RequestParser::Event;

const std::vector<VectorCase>& vectors() {
  static const auto all = load_vectors(KV_SOURCE_DIR "/protocol/vectors");
  REQUIRE_MESSAGE(all, all.error().context);
  return *all;
}

}  // namespace

TEST_CASE("the parser refuses what the vectors say and nothing else") {
  for (const VectorCase& vector : vectors()) {
    CAPTURE(vector.file);
    CAPTURE(vector.line);
    CAPTURE(vector.title);
    check_outcome(vector, run(vector.sent, [&] { return vector.sent.size(); }));
  }
}

TEST_CASE("the vectors give the same events whole, byte by byte and split at random") {
  const char* given = std::getenv("KV_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const VectorCase& vector : vectors()) {
    CAPTURE(vector.file);
    CAPTURE(vector.title);
    const Outcome whole = run(vector.sent, [&] { return vector.sent.size(); });
    if (vector.is_bytewise()) CHECK(run(vector.sent, [] { return 1; }) == whole);
    const std::size_t piece_max = vector.is_bytewise() ? 40 : 1'000'000;
    for (int round = 0; round < (vector.is_bytewise() ? 10 : 1); ++round) {
      CHECK(run(vector.sent, [&] { return 1 + random() % piece_max; }) == whole);
    }
  }
}

TEST_CASE("every row of the table of bad inputs that needs no time, load or second node is there") {
  std::set<int> rows;
  for (const VectorCase& vector : vectors()) {
    if (vector.title.starts_with("row ")) rows.insert(std::atoi(vector.title.c_str() + 4));
  }
  for (int row = 1; row <= 25; ++row) {
    CAPTURE(row);
    CHECK(rows.count(row) == 1);
  }
  CHECK(rows.count(31) == 1);
}

TEST_CASE("vectors keep to their own keys, so that they may run against a server in use") {
  for (const VectorCase& vector : vectors()) {
    CAPTURE(vector.file);
    CAPTURE(vector.title);
    RequestParser parser{Limits{}};
    std::string_view bytes = vector.sent;
    while (!bytes.empty()) {
      bytes.remove_prefix(feed(parser, bytes));
      Event event = parser.next();
      for (; event == Event::kRequest || event == Event::kRefused; event = parser.next()) {
        if (event == Event::kRefused) continue;
        const Request& request = parser.request();
        if (request.verb == Verb::kPut || request.verb == Verb::kDel) {
          CHECK(request.key.starts_with("conf:"));
        }
        for (const auto& [key, value] : request.pairs) CHECK(key.starts_with("conf:"));
      }
      if (event == Event::kFatal) break;
    }
  }
}
