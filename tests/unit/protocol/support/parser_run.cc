#include "unit/protocol/support/parser_run.h"

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "protocol/parser.h"

using namespace kv::protocol;

namespace {

using Event = RequestParser::Event;

bool is_terminal(const ReplyPattern& pattern) {
  std::string_view text = pattern.text();
  if (text.starts_with('@')) text.remove_prefix(text.find(' ') + 1);
  return !text.starts_with("ITEM ") && !text.starts_with("KEY ");
}

}  // namespace

std::string described(const Request& request) {
  constexpr const char* kVerbs[] = {"HELLO",  "PING",    "PUT",   "GET",     "DEL",     "BPUT",
                                    "RANGE",  "PREFIX",  "STATS", "MERGE",   "INSPECT", "VERIFY",
                                    "BACKUP", "CLUSTER", "WAIT",  "SESSION", "HELP",    "QUIT"};
  std::string out =
      fmt::format("+{} tag={} key={}:{} value={}:{}", kVerbs[int(request.verb)], request.tag,
                  request.key.size(), request.key, request.value.size(), request.value);
  out += fmt::format(" echo={} if={},{} sync={} limit={} max_bytes={} rev={} keys={} json={}",
                     request.has_echo, int(request.condition.kind), request.condition.version,
                     request.sync ? int(*request.sync) : -1, request.limit, request.bytes_max,
                     request.is_reverse, request.is_keys_only, request.is_json);
  out += fmt::format(" section={} wait={} rate={} do={},{} node={}", request.section,
                     request.is_wait, request.rate_max, int(request.merge_action),
                     int(request.cluster_action), request.node_id.value_or(0));
  out += fmt::format(" stale={} min_ver={} timeout={}", request.stale_max_ms, request.min_version,
                     request.timeout_ms);
  for (const auto& [key, value] : request.pairs) out += fmt::format(" ({}:{})", key, value);
  return out;
}

std::size_t feed(RequestParser& parser, std::string_view bytes) {
  const auto space = parser.buffer();
  const std::size_t size = std::min(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), size);
  parser.commit(size);
  return size;
}

std::vector<std::string> whole(std::string_view bytes, const Limits& limits) {
  Outcome outcome = run(
      bytes, [&] { return bytes.size(); }, limits);
  if (outcome.is_mid_request) outcome.events.emplace_back("unfinished");
  return outcome.events;
}

std::string only(std::string_view bytes, const Limits& limits) {
  const auto events = whole(bytes, limits);
  REQUIRE(events.size() == 1);
  return events[0];
}

Outcome run(std::string_view bytes, const std::function<std::size_t()>& piece,
            const Limits& limits) {
  RequestParser parser(limits);
  Outcome outcome;
  while (!bytes.empty()) {
    bytes.remove_prefix(feed(parser, bytes.substr(0, piece())));
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
