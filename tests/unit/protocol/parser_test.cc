#include "protocol/parser.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "unit/protocol/support/parser_run.h"

using kv::protocol::Limits;
using kv::protocol::RequestParser;
using kv::protocol::Verb;

namespace {

using Event = RequestParser::Event;

}  // namespace

TEST_CASE("a put carries its key and value whatever bytes they hold") {
  RequestParser parser({});
  const std::string bytes("PUT 3 4\na\nb\0\r\n\xff", 15);
  feed(parser, bytes);
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
  CHECK(only("SET a b\n").starts_with("ERR BAD_VERB applied=no"));
  CHECK(only("SET  a \n").starts_with("ERR BAD_VERB applied=no"));
  CHECK(only("GET greeting\n") ==
        "ERR BAD_HEADER applied=no :a word that is neither a length nor name=value; a header has "
        "the lengths of what stands behind its line end: GET 8, Enter, greeting\n");
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
    CHECK(said[1].starts_with("+PING "));
  }
}

TEST_CASE("keys and values over their limits are dropped in constant memory") {
  RequestParser parser({});
  std::string header = "PUT 1 100000000\n";
  feed(parser, header);
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
  feed(parser, header);
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
    rest.remove_prefix(feed(parser, rest));
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

TEST_CASE("a request of the largest sizes there are is taken") {
  Limits limits;
  limits.value_max = 200'000;
  const std::string key(limits.key_max, 'k');
  const std::string value(limits.value_max, 'v');
  CHECK(only(fmt::format("PUT {} {}\n", key.size(), value.size()) + key + value, limits)
            .starts_with("+PUT "));
  CHECK(only(fmt::format("PUT {} {}\n", key.size(), value.size() + 1) + key + value + "v", limits)
            .starts_with("ERR VALUE_TOO_LARGE applied=no max=200000"));
}

TEST_CASE("small requests in a steady stream take no more memory") {
  RequestParser parser({});
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += "@tag PUT 16 100 sync=none\n" + std::string(116, 'x');
  std::uint64_t memory = 0;
  std::size_t requests = 0;
  for (int round = 0; round < 100; ++round) {
    std::string_view rest = stream;
    while (!rest.empty()) {
      rest.remove_prefix(feed(parser, rest));
      while (parser.next() == Event::kRequest) requests += 1;
    }
    if (round == 0) memory = parser.memory_used();
    CHECK(parser.memory_used() == memory);
  }
  CHECK(requests == 10'000);
}

TEST_CASE("a header's limit counts its line end") {
  Limits limits;
  limits.header_max = 10;
  CHECK(only("PING a=12\n", limits).starts_with("ERR BAD_ARG"));
  CHECK(only("PING a=1\r\n", limits).starts_with("ERR BAD_ARG"));
  CHECK(only("PING a=123\n", limits).starts_with("ERR LINE_TOO_LONG applied=no max=10"));
  CHECK(only("PING a=12\r\n", limits).starts_with("ERR LINE_TOO_LONG"));
  CHECK(only("@t PING a=1", limits).starts_with("@t ERR LINE_TOO_LONG"));
  CHECK(whole("PING a=123", limits) == std::vector<std::string>{"unfinished"});
}

TEST_CASE("after a refusal that closes nothing is parsed any more") {
  RequestParser parser({});
  feed(parser, "FOO\nPING\n");
  CHECK(parser.next() == Event::kFatal);
  CHECK(parser.farewell() == RequestParser::Farewell::kClose);
  CHECK(parser.next() == Event::kNeedBytes);
  CHECK_FALSE(parser.is_mid_request());
}

TEST_CASE("where much may follow a refusal the client is given time to read it") {
  for (const char* bytes : {"PUT 1 134217728\n", "BPUT 1\n1 134217728\n", "GET / HTTP/1.1\n"}) {
    CAPTURE(bytes);
    RequestParser parser({});
    feed(parser, bytes);
    CHECK(parser.next() == Event::kFatal);
    CHECK(parser.farewell() == RequestParser::Farewell::kDrainBriefly);
  }
}

TEST_CASE("whether a request is under way is known at every byte") {
  const std::string request = "@t PUT 1 2 sync=none\nkvv";
  RequestParser parser({});
  CHECK_FALSE(parser.is_mid_request());
  for (std::size_t i = 0; i + 1 < request.size(); ++i) {
    feed(parser, request.substr(i, 1));
    REQUIRE(parser.next() == Event::kNeedBytes);
    CHECK(parser.is_mid_request());
  }
  feed(parser, request.substr(request.size() - 1));
  REQUIRE(parser.next() == Event::kRequest);
  CHECK_FALSE(parser.is_mid_request());
  CHECK(parser.next() == Event::kNeedBytes);
  CHECK_FALSE(parser.is_mid_request());
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
  const Outcome expected = run(bytes, [&] { return bytes.size(); });
  REQUIRE(expected.events.size() == 10);
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
  const auto refuse = [&] {
    CHECK(parser.payload_pending() > 0);
    parser.refuse_current("TRY_LATER", "retry_ms=25 reason=memory", "");
    CHECK(parser.payload_pending() == 0);
  };
  SUBCASE("a put") {
    feed(parser, "@t PUT 1 5\nka");
    CHECK(parser.next() == Event::kNeedBytes);
    refuse();
    feed(parser, "bcdePING\n");
  }
  SUBCASE("a batch in an item") {
    feed(parser, "@t BPUT 2\n1 1\nab1 4\nka");
    CHECK(parser.next() == Event::kNeedBytes);
    refuse();
    feed(parser, "bcdPING\n");
  }
  SUBCASE("a batch between items") {
    feed(parser, "@t BPUT 2\n1 1\nab");
    CHECK(parser.next() == Event::kNeedBytes);
    refuse();
    feed(parser, "1 4\nkabcdPING\n");
  }
  REQUIRE(parser.next() == Event::kRefused);
  CHECK(parser.refusal() == "@t ERR TRY_LATER applied=no retry_ms=25 reason=memory\n");
  REQUIRE(parser.next() == Event::kRequest);
  CHECK(parser.request().verb == Verb::kPing);
}

TEST_CASE("there is nothing to refuse between requests or in a header") {
  RequestParser parser({});
  parser.refuse_current("TRY_LATER", "", "");
  feed(parser, "GET 1");
  CHECK(parser.next() == Event::kNeedBytes);
  parser.refuse_current("TRY_LATER", "", "");
  feed(parser, "\nk");
  CHECK(parser.next() == Event::kRequest);
  parser.refuse_current("TRY_LATER", "", "");
  feed(parser, "PING\n");
  CHECK(parser.next() == Event::kRequest);
}
