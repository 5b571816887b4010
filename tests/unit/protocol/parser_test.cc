#include "protocol/parser.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/check.h"

using kv::protocol::Limits;
using kv::protocol::RequestParser;
using kv::protocol::Verb;

namespace {

using Event = RequestParser::Event;

// Everything a parser says, as text, so that two ways of feeding it can be compared.
std::string describe(const RequestParser& parser, Event event) {
  if (event != Event::kRequest) return std::string(parser.refusal());
  const auto& request = parser.request();
  std::string out =
      fmt::format("verb={} tag={} key={} value={} limit={} rev={}", static_cast<int>(request.verb),
                  request.tag, request.key, request.value, request.limit, request.is_reverse);
  for (const auto& [key, value] : request.pairs) out += fmt::format(" ({}:{})", key, value);
  return out;
}

// Feeds `bytes` in pieces of the sizes that `piece` gives; stops at a fatal refusal.
template <class Piece>
std::vector<std::string> run(std::string_view bytes, Piece piece, const Limits& limits = {}) {
  RequestParser parser(limits);
  std::vector<std::string> said;
  while (!bytes.empty()) {
    auto space = parser.buffer();
    const std::size_t size =
        std::min<std::size_t>({bytes.size(), space.size(), static_cast<std::size_t>(piece())});
    std::memcpy(space.data(), bytes.data(), size);
    parser.commit(size);
    bytes.remove_prefix(size);
    for (Event event = parser.next(); event != Event::kNeedBytes; event = parser.next()) {
      said.push_back(describe(parser, event));
      if (event == Event::kFatal) return said;
    }
  }
  if (parser.is_mid_request()) said.emplace_back("unfinished");
  return said;
}

std::vector<std::string> whole(std::string_view bytes, const Limits& limits = {}) {
  return run(
      bytes, [&] { return bytes.size(); }, limits);
}

std::string only(std::string_view bytes, const Limits& limits = {}) {
  const auto said = whole(bytes, limits);
  REQUIRE(said.size() == 1);
  return said[0];
}

}  // namespace

TEST_CASE("a put carries its key and value whatever bytes they hold") {
  RequestParser parser({});
  const std::string bytes("PUT 3 4\na\nb\0\r\n\xff", 15);
  std::memcpy(parser.buffer().data(), bytes.data(), bytes.size());
  parser.commit(bytes.size());
  REQUIRE(parser.next() == Event::kRequest);
  CHECK(parser.request().verb == Verb::kPut);
  CHECK(parser.request().key == "a\nb");
  CHECK(parser.request().value == std::string_view("\0\r\n\xff", 4));
  CHECK(parser.next() == Event::kNeedBytes);
  CHECK_FALSE(parser.is_mid_request());
}

TEST_CASE("headers outside the one canonical spelling close the connection") {
  for (const char* line : {"PUT 3",
                           "PUT 3 5 7",
                           "GET -1",
                           "GET +3",
                           "GET 03",
                           "GET 0x3",
                           "GET 3.0",
                           "GET 1e3",
                           "GET 12345678901",
                           "GET  3",
                           "GET\t3",
                           "GET 3 ",
                           " GET 3",
                           "GET 3\r4",
                           "@ PING",
                           "@a",
                           "@123456789012345678901234567890123 PING",
                           "PUT limit=1 3 4",
                           "PING =1",
                           "PING a=",
                           "ABCDEFGHIJKLMNOPQ",
                           "GET 3 \x7f=1"}) {
    CAPTURE(line);
    const std::string said = only(std::string(line) + "\n");
    CHECK(said.find("ERR BAD_HEADER applied=no") != std::string::npos);
  }
  CHECK(only("FOO 1\n").starts_with("ERR BAD_VERB applied=no"));
  CHECK(only("@x MGET 1\n").starts_with("@x ERR BAD_VERB"));
}

TEST_CASE("a header of more than the limit is refused before its end comes") {
  CHECK(only(std::string(4097, 'a')).starts_with("ERR LINE_TOO_LONG applied=no max=4096"));
}

TEST_CASE("wrong arguments are refused, their payload dropped, and the next request is served") {
  for (const char* request :
       {"PUT 1 1 colour=red\nab", "PUT 1 1 if=1 if=1\nab", "PUT 1 1 ttl_ms=abc\nab",
        "RANGE 1 1 limit=0\nab", "PUT 1 1 if=0\nab", "DEL 2 if=absent\nab", "RANGE 1 1 rev=2\nab",
        "GET 2 sync=disk\nab", "BPUT 0\n"}) {
    CAPTURE(request);
    const auto said = whole(std::string(request) + "PING\n");
    REQUIRE(said.size() == 2);
    CHECK(said[0].starts_with("ERR BAD_ARG applied=no arg="));
    CHECK(said[1].starts_with(fmt::format("verb={}", static_cast<int>(Verb::kPing))));
  }
}

TEST_CASE("keys and values over their limits are dropped in constant memory") {
  RequestParser parser({});
  std::string header = "PUT 1 100000000\n";
  std::memcpy(parser.buffer().data(), header.data(), header.size());
  parser.commit(header.size());
  CHECK(parser.next() == Event::kNeedBytes);
  std::uint64_t left = 100'000'001;
  Event event = Event::kNeedBytes;
  while (left > 0) {
    auto space = parser.buffer();
    const std::size_t size = std::min<std::uint64_t>(space.size(), left);
    parser.commit(size);
    left -= size;
    event = parser.next();
    REQUIRE(parser.memory_used() <= 64 * 1024);
  }
  CHECK(event == Event::kRefused);
  CHECK(parser.refusal().starts_with("ERR VALUE_TOO_LARGE applied=no max=67108864"));
}

TEST_CASE("a length alone takes no memory") {
  RequestParser parser({});
  std::string header = "PUT 1 67108864\n";
  std::memcpy(parser.buffer().data(), header.data(), header.size());
  parser.commit(header.size());
  CHECK(parser.next() == Event::kNeedBytes);
  CHECK(parser.payload_pending() == 67108865);
  CHECK(parser.memory_used() <= 64 * 1024);
}

TEST_CASE("a large value comes with the memory it lies in") {
  const std::string value(1'000'000, 'v');
  const std::string bytes = "PUT 1 1000000 if=absent\nk" + value + "GET 1\nk";
  RequestParser parser({});
  std::shared_ptr<const void> owner;
  std::string_view seen;
  std::string_view rest = bytes;
  std::vector<Verb> verbs;
  while (!rest.empty()) {
    auto space = parser.buffer();
    const std::size_t size = std::min(space.size(), rest.size());
    std::memcpy(space.data(), rest.data(), size);
    parser.commit(size);
    rest.remove_prefix(size);
    while (parser.next() == Event::kRequest) {
      verbs.push_back(parser.request().verb);
      if (verbs.size() > 1) {
        CHECK(parser.request().condition.kind == kv::Condition::Kind::kAlways);
        continue;
      }
      owner = parser.request().payload_owner;
      seen = parser.request().value;
    }
  }
  REQUIRE(owner != nullptr);
  CHECK(seen == value);
  CHECK(verbs == std::vector<Verb>{Verb::kPut, Verb::kGet});
}

TEST_CASE("a bad item refuses the whole batch") {
  CHECK(only("BPUT 2\n1 1\nab0 1\nx").starts_with("ERR EMPTY_KEY applied=no item=2"));
  CHECK(only("BPUT 2\n1 1\nab01 1\nxy").starts_with("ERR BAD_HEADER applied=no item=2"));
  CHECK(only("BPUT 10001\n").starts_with("ERR BATCH_TOO_LARGE applied=no max=10000"));
  const auto said = whole("BPUT 2\n0 1\nb\n1 1\r\nxyPING\n");
  REQUIRE(said.size() == 2);
  CHECK(said[0].starts_with("ERR EMPTY_KEY applied=no item=1"));
}

TEST_CASE("other protocols are told where they are") {
  CHECK(only("GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(only("\x16\x03\x01").starts_with("ERR WRONG_PROTOCOL"));
  CHECK(only("*1\r\n$4\r\nPING\r\n").starts_with("-ERR"));
  CHECK(whole("\x04") == std::vector<std::string>{"unfinished"});
}

TEST_CASE("the same bytes give the same events however they are split") {
  const std::string bytes =
      "PUT 3 5\nfoohello@a get 3\r\nfoo\n\r\nBPUT 2 sync=none\n1 1\nab\n2 3\nkkxyzRANGE 1 1 "
      "limit=1 rev=1\naz"
      "PUT 3 5 colour=red\nfoohello@t BPUT 2\n0 2\nxx1 1\nabPUT 1 70000\nk" +
      std::string(70000, 'z') + "PING 4\nechoSTATS fmt=json section=store\nGET 03\nPING\n";
  const auto expected = whole(bytes);
  REQUIRE(expected.size() == 10);
  CHECK(run(bytes, [] { return 1; }) == expected);
  const char* given = std::getenv("KV_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    CHECK(run(bytes, [&] { return 1 + random() % 97; }) == expected);
  }
}

TEST_CASE("a request can be refused while its payload comes") {
  RequestParser parser({});
  const auto feed = [&](std::string_view bytes) {
    std::memcpy(parser.buffer().data(), bytes.data(), bytes.size());
    parser.commit(bytes.size());
  };
  SUBCASE("a put") {
    feed("@t PUT 1 5\nka");
    CHECK(parser.next() == Event::kNeedBytes);
    parser.refuse_current("TRY_LATER", "retry_ms=25 reason=memory", "");
    feed("bcdePING\n");
  }
  SUBCASE("a batch") {
    feed("@t BPUT 2\n1 1\nab1 4\nka");
    CHECK(parser.next() == Event::kNeedBytes);
    parser.refuse_current("TRY_LATER", "retry_ms=25 reason=memory", "");
    feed("bcdPING\n");
  }
  REQUIRE(parser.next() == Event::kRefused);
  CHECK(parser.refusal() == "@t ERR TRY_LATER applied=no retry_ms=25 reason=memory\n");
  REQUIRE(parser.next() == Event::kRequest);
  CHECK(parser.request().verb == Verb::kPing);
}
