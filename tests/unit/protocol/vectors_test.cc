// Every conformance vector against the parser alone: what it refuses must be what the vectors say,
// however the bytes are split. What a server answers to good requests is tested with the server.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "protocol/parser.h"
#include "protocol/vector_file.h"

using namespace kv::protocol;

namespace {

using Event = RequestParser::Event;

struct Outcome {
  std::vector<std::string> events;  // "+verb ..." of a request, else the refusal
  bool is_fatal = false;
  bool is_mid_request = false;
  bool has_quit = false;

  bool operator==(const Outcome&) const = default;
};

std::string described(const Request& request) {
  std::string out = fmt::format("+{} {} {} {}:{} {}:{} {} {} {}{}{}{} {}", int(request.verb),
                                request.tag, request.has_echo, request.key.size(), request.key,
                                request.value.size(), request.value, int(request.condition.kind),
                                request.condition.version, request.limit, request.is_reverse,
                                request.is_keys_only, request.is_json, request.section);
  out += fmt::format(" {} {}", request.sync ? int(*request.sync) : -1, request.bytes_max);
  for (const auto& [key, value] : request.pairs) out += fmt::format(" {}={}", key, value);
  return out;
}

// Feeds `bytes` in pieces of the sizes that `piece` gives, as a server would.
Outcome run(std::string_view bytes, const std::function<std::size_t()>& piece) {
  RequestParser parser{Limits{}};
  Outcome outcome;
  while (!bytes.empty()) {
    const auto space = parser.buffer();
    const std::size_t size = std::min({piece(), bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), size);
    parser.commit(size);
    bytes.remove_prefix(size);
    for (Event event = parser.next(); event != Event::kNeedBytes; event = parser.next()) {
      const bool is_request = event == Event::kRequest;
      outcome.events.push_back(is_request ? described(parser.request())
                                          : std::string(parser.refusal()));
      outcome.is_fatal = event == Event::kFatal;
      outcome.has_quit = is_request && parser.request().verb == Verb::kQuit;
      if (outcome.is_fatal || outcome.has_quit) return outcome;
    }
  }
  outcome.is_mid_request = parser.is_mid_request();
  return outcome;
}

bool is_terminal(const ReplyPattern& pattern) {
  std::string_view text = pattern.text();
  if (text.starts_with('@')) text.remove_prefix(text.find(' ') + 1);
  return !text.starts_with("ITEM ") && !text.starts_with("KEY ");
}

// The refusals among the expected replies are the parser's, one for one, and the other replies
// belong to one request each.
void check_refusals(const VectorCase& vector, const Outcome& outcome) {
  std::size_t at = 0;
  for (const std::string& event : outcome.events) {
    while (at < vector.expected.size() && !is_terminal(vector.expected[at])) ++at;
    REQUIRE(at < vector.expected.size());
    if (event[0] != '+') {
      CAPTURE(event);
      CAPTURE(vector.expected[at].text());
      CHECK(vector.expected[at].match_front(event) == event.size());
    }
    ++at;
  }
  CHECK(at == vector.expected.size());
}

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
    const Outcome outcome = run(vector.sent, [&] { return vector.sent.size(); });
    check_refusals(vector, outcome);
    if (vector.then == VectorCase::Then::kOpen) {
      CHECK_FALSE(outcome.is_fatal);
      CHECK_FALSE(outcome.has_quit);
      CHECK_FALSE(outcome.is_mid_request);
    } else {
      CHECK((outcome.is_fatal || outcome.has_quit || vector.ends_input));
    }
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
      const auto space = parser.buffer();
      const std::size_t size = std::min(bytes.size(), space.size());
      std::memcpy(space.data(), bytes.data(), size);
      parser.commit(size);
      bytes.remove_prefix(size);
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
