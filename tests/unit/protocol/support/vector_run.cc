#include "unit/protocol/support/vector_run.h"

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "protocol/parser.h"

using namespace kv::protocol;

namespace {

using Event = RequestParser::Event;

std::string described(const Request& request) {
  std::string out = fmt::format("+{} {} {} {}:{} {}:{} {} {} {}{}{}{} {}", int(request.verb),
                                request.tag, request.has_echo, request.key.size(), request.key,
                                request.value.size(), request.value, int(request.condition.kind),
                                request.condition.version, request.limit, request.is_reverse,
                                request.is_keys_only, request.is_json, request.section);
  out += fmt::format(" {} {} {}", request.sync ? int(*request.sync) : -1, request.bytes_max,
                     request.is_wait);
  for (const auto& [key, value] : request.pairs) out += fmt::format(" {}={}", key, value);
  return out;
}

bool is_terminal(const ReplyPattern& pattern) {
  std::string_view text = pattern.text();
  if (text.starts_with('@')) text.remove_prefix(text.find(' ') + 1);
  return !text.starts_with("ITEM ") && !text.starts_with("KEY ");
}

}  // namespace

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

void check_outcome(const VectorCase& vector, const Outcome& outcome) {
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
  if (vector.then == VectorCase::Then::kOpen) {
    CHECK_FALSE(outcome.is_fatal);
    CHECK_FALSE(outcome.has_quit);
    CHECK_FALSE(outcome.is_mid_request);
  } else {
    CHECK((outcome.is_fatal || outcome.has_quit || vector.ends_input));
  }
}
