// The items of a BPUT, through the parser that they are a part of.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "protocol/parser.h"
#include "unit/protocol/support/parser_run.h"

using kv::protocol::RequestParser;
using kv::protocol::Verb;

namespace {

using Event = RequestParser::Event;

}  // namespace

TEST_CASE("a bad item refuses the whole batch") {
  CHECK(only("BPUT 2\n1 1\nab0 1\nx").starts_with("ERR EMPTY_KEY applied=no item=2"));
  CHECK(only("BPUT 2\n1 1\nab01 1\nxy").starts_with("ERR BAD_HEADER applied=no item=2"));
  CHECK(only("BPUT 10001\n").starts_with("ERR BATCH_TOO_LARGE applied=no max=10000"));
  const auto said = whole("BPUT 2\n0 1\nb\n1 1\r\nxyPING\n");
  REQUIRE(said.size() == 2);
  CHECK(said[0].starts_with("ERR EMPTY_KEY applied=no item=1"));
}

TEST_CASE("blank lines between the items of a batch take no memory") {
  RequestParser parser({});
  feed(parser, "BPUT 2\n1 1\nab");
  CHECK(parser.next() == Event::kNeedBytes);
  for (int i = 0; i < 2000; ++i) {
    feed(parser, i % 2 == 0 ? std::string(1000, '\n') : "\r\n\r\n\n\r");
    REQUIRE(parser.next() == Event::kNeedBytes);
    if (i % 2 == 1) feed(parser, "\n");
    REQUIRE(parser.memory_used() <= 64 * 1024);
  }
  feed(parser, "1 1\ncd");
  REQUIRE(parser.next() == Event::kRequest);
  REQUIRE(parser.request().pairs.size() == 2);
  CHECK(parser.request().pairs[0].first == "a");
  CHECK(parser.request().pairs[1].second == "d");
}

TEST_CASE("an idle parser keeps little of the memory it once needed") {
  RequestParser parser({});
  std::string batch = "BPUT 10000\n";
  for (int i = 0; i < 10'000; ++i) batch += "2 20\nkk01234567890123456789";
  std::string_view rest = batch;
  Event event = Event::kNeedBytes;
  while (!rest.empty()) {
    const std::size_t size = feed(parser, rest);
    rest.remove_prefix(size);
    event = parser.next();
  }
  REQUIRE(event == Event::kRequest);
  CHECK(parser.request().pairs.size() == 10'000);
  CHECK(parser.request().payload_owner != nullptr);
  CHECK(parser.next() == Event::kNeedBytes);
  CHECK_FALSE(parser.buffer().empty());
  CHECK(parser.memory_used() <= 64 * 1024);
}

TEST_CASE("a large batch comes with the memory it lies in") {
  std::string batch = "BPUT 3\n1 40000\na" + std::string(40'000, 'x') + "1 40000\nb" +
                      std::string(40'000, 'y') + "1 0\ncPING\n";
  RequestParser parser({});
  std::shared_ptr<const void> owner;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  std::string_view rest = batch;
  bool has_pinged = false;
  while (!rest.empty()) {
    rest.remove_prefix(feed(parser, rest));
    while (parser.next() == Event::kRequest) {
      has_pinged = parser.request().verb == Verb::kPing;
      if (has_pinged) continue;
      owner = parser.request().payload_owner;
      pairs = parser.request().pairs;
    }
  }
  CHECK(has_pinged);
  REQUIRE(owner != nullptr);
  REQUIRE(pairs.size() == 3);
  CHECK(pairs[0].second == std::string(40'000, 'x'));
  CHECK(pairs[1].first == "b");
  CHECK(pairs[1].second == std::string(40'000, 'y'));
  CHECK(pairs[2].second.empty());
}
