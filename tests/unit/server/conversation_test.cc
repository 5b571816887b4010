#include "server/conversation.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "kv/version.h"
#include "support/seed.h"
#include "support/talk.h"

using kv::Errc;
using kv::Error;
using kv::test::Talk;
using End = kv::server::Conversation::End;

TEST_CASE("a conversation answers the page's own example") {
  Talk talk;
  const std::string script =
      "PUT 3 5\nfoohello@a GET 3\nfooBPUT 2\n1 1\nab2 3\nkkxyzRANGE 1 1 limit=1\naz"
      "GET 1\nzGET 3\nfooPUT 3 5 colour=red\nfoohelloPING\n";
  const std::string replies =
      "OK ver=1\n@a VALUE 5 ver=1\nhello\nOK count=2 ver=2\nITEM 1 1 ver=2\nab\nEND 1 more=1\n"
      "NOT_FOUND\nVALUE 5 ver=1\nhello\n";
  std::size_t chunk = SIZE_MAX;
  SUBCASE("sent whole") {}
  SUBCASE("byte by byte") { chunk = 1; }
  SUBCASE("in threes") { chunk = 3; }
  const std::string answer = talk.ask(script, chunk);
  CHECK(answer.substr(0, replies.size()) == replies);
  CHECK(answer.substr(replies.size()).starts_with("ERR BAD_ARG applied=no arg=colour"));
  CHECK(answer.ends_with("\nOK\n"));
  CHECK(talk.is_open());
}

TEST_CASE("writes of one connection are submitted together and answered in request order") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  CHECK(talk.ask("PUT 1 1\naxPUT 1 1\nbyDEL 1\nbPING\n@t DEL 1\nq").empty());
  REQUIRE(talk.backend.unacknowledged() == 4);
  CHECK(talk.backend.flushes == 1);

  SUBCASE("acknowledged in order") {
    talk.acknowledge_all();
    CHECK(talk.take() == "OK ver=1\nOK ver=2\nOK ver=3\nOK\n@t NOT_FOUND\n");
  }
  SUBCASE("acknowledged out of order") {
    talk.acknowledge(1);
    CHECK(talk.take().empty());
    talk.acknowledge(0);
    CHECK(talk.take() == "OK ver=2\nOK ver=1\n");
    talk.acknowledge(1);
    CHECK(talk.take().empty());
    talk.acknowledge(0);
    CHECK(talk.take() == "OK ver=3\nOK\n@t NOT_FOUND\n");
  }
}

TEST_CASE("a read waits for the connection's own writes, and what follows waits behind it") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  CHECK(talk.ask("PUT 1 3\naoldPUT 1 3\nanewGET 1\naPUT 1 1\nbxPING\n").empty());
  CHECK(talk.backend.unacknowledged() == 2);
  CHECK_FALSE(talk.conversation->wants_input());
  talk.acknowledge(0);
  CHECK(talk.take() == "OK ver=1\n");
  talk.acknowledge(0);
  CHECK(talk.take() == "OK ver=2\nVALUE 3 ver=2\nnew\n");
  talk.acknowledge_all();
  CHECK(talk.take() == "OK ver=3\nOK\n");
  CHECK(talk.conversation->wants_input());
}

TEST_CASE("a refusal keeps its place among the replies") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  talk.send("PUT 1 1\naxPUT 0 1\nxPUT 1 1\nby");
  CHECK(talk.take().empty());
  talk.acknowledge_all();
  const std::string replies = talk.take();
  CHECK(replies.starts_with("OK ver=1\nERR EMPTY_KEY applied=no"));
  CHECK(replies.ends_with("\nOK ver=2\n"));
  CHECK(talk.counters.requests_refused.value() == 1);
}

TEST_CASE("failures of the store become the codes of the protocol") {
  Talk talk;
  const auto answer_to = [&](Errc code, const char* context) {
    talk.backend.write_errors["k"] = Error{code, context, {}};
    return talk.ask("@t PUT 1 1\nkx");
  };
  CHECK(answer_to(Errc::kConflict, "ver=9 the condition does not hold") ==
        "@t ERR CONFLICT applied=no ver=9 :the condition does not hold\n");
  CHECK(answer_to(Errc::kNoSpace, "disk full").starts_with("@t ERR NO_SPACE applied=no :disk"));
  CHECK(
      answer_to(Errc::kUnknownOutcome, "sync").starts_with("@t ERR UNKNOWN_OUTCOME applied=maybe"));
  CHECK(answer_to(Errc::kReadOnly, "x").starts_with("@t ERR READ_ONLY applied=no"));
  CHECK(answer_to(Errc::kIo, "x").starts_with("@t ERR INTERNAL applied=no"));
  CHECK(answer_to(Errc::kTryLater, "x")
            .starts_with("@t ERR TRY_LATER applied=no retry_ms=25 reason=queue"));
  talk.backend.read_errors["k"] = Error{Errc::kCorruption, "3.seg at 4096: checksum", {}};
  CHECK(talk.ask("GET 1\nk") == "ERR CORRUPT applied=no :3.seg at 4096: checksum\n");
  CHECK(talk.is_open());
}

TEST_CASE("conditions reach the store") {
  Talk talk;
  CHECK(talk.ask("PUT 1 1 if=absent\nkx") == "OK ver=1\n");
  CHECK(talk.ask("PUT 1 1 if=absent\nkx").starts_with("ERR CONFLICT applied=no ver=1 "));
  CHECK(talk.ask("PUT 1 1 if=1\nky") == "OK ver=2\n");
  CHECK(talk.ask("DEL 1 if=1\nk").starts_with("ERR CONFLICT applied=no ver=2 "));
  CHECK(talk.ask("DEL 1 if=2\nk") == "OK ver=3\n");
  CHECK(talk.ask("PUT 1 1 if=present\nkx").starts_with("ERR CONFLICT applied=no ver=0 "));
}

TEST_CASE("requests about the server are answered") {
  Talk talk;
  CHECK(talk.ask("HELLO v=1\n")
            .starts_with("OK v=1 server=kv/" KV_VERSION " node=n1 role=leader epoch=0 "));
  CHECK(talk.ask("@x PING 4\necho") == "@x VALUE 4\necho\n");
  CHECK(talk.ask("HELP\n").find("RANGE START_LEN END_LEN") != std::string::npos);
  CHECK(talk.ask("PUT 1 1\nkxSTATS fmt=json\n") == "OK ver=1\nINFO 11\njson keys=1\n");
  CHECK(talk.ask("STATS section=none\n").starts_with("ERR BAD_ARG applied=no arg=section"));
  CHECK(talk.ask("QUIT\nPING\n") == "OK bye\n");
  CHECK(talk.conversation->end() == End::kLinger);
}

TEST_CASE("after input that cannot be understood everything before it is answered, then it ends") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  CHECK(talk.ask("PUT 1 1\nkxFOO 1\nPING\n").empty());
  CHECK(talk.is_open());
  talk.acknowledge_all();
  const std::string replies = talk.take();
  CHECK(replies.starts_with("OK ver=1\nERR BAD_VERB applied=no"));
  CHECK(replies.find("OK\n") == std::string::npos);
  CHECK(talk.conversation->end() == End::kLinger);
  CHECK(talk.counters.protocol_errors.value() == 1);
}

TEST_CASE("other protocols are counted and told to the log") {
  std::string bytes;
  std::string told;
  SUBCASE("TLS") {
    bytes = "\x16\x03\x01";
    told = "wrong protocol: spoken=TLS action=closed";
  }
  SUBCASE("HTTP") {
    bytes = "POST / HTTP/1.1\r\nHost: x\r\n\r\nPUT 1 1\nkv";
    told = "wrong protocol: spoken=HTTP action=closed";
  }
  SUBCASE("RESP where it is off") {
    bytes = "*1\r\n$4\r\nPING\r\n";
    told = "wrong protocol: spoken=RESP action=closed";
  }
  Talk talk;
  talk.send(bytes);
  CHECK(!talk.is_open());
  REQUIRE(talk.events.size() == 1);
  CHECK(talk.events[0] == told);
  CHECK(talk.counters.foreign_protocols.value() == 1);
  CHECK(talk.counters.protocol_errors.value() == 1);
}

TEST_CASE("after the peer's half-close all complete requests are answered") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  talk.runs_slow_tasks = false;
  talk.backend.set("c", "cold");
  talk.backend.cold.insert("c");
  SUBCASE("and none was cut short") { talk.send("PUT 1 1\nkxGET 1\nkGET 1\ncPING\n"); }
  SUBCASE("and the last one is cut short") {
    talk.send("PUT 1 1\nkxGET 1\nkGET 1\ncPING\nPUT 3 9\nfo");
  }
  talk.end_input();
  CHECK(talk.is_open());
  talk.acknowledge_all();
  CHECK(talk.take() == "OK ver=2\nVALUE 1 ver=2\nx\n");
  CHECK(talk.is_open());
  talk.runs_slow_tasks = true;
  talk.settle();
  CHECK(talk.take() == "VALUE 4 ver=1\ncold\nOK\n");
  CHECK(talk.conversation->end() == End::kClose);
  CHECK(talk.backend.values().size() == 2);
}

TEST_CASE("a request cut short is neither applied nor answered") {
  for (const std::string_view bytes :
       {"PUT 3 5", "PUT 3 5\n", "PUT 3 5\nfoohell", "BPUT 2\n1 1\nab", "\x04", "\r\n\r"}) {
    Talk talk;
    talk.send(bytes);
    talk.end_input();
    CHECK(talk.take().empty());
    CHECK(talk.conversation->end() == End::kClose);
    CHECK(talk.backend.values().empty());
  }
}

TEST_CASE("a server that stops answers new requests with SHUTTING_DOWN and finishes the others") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  SUBCASE("a request that has arrived") {
    talk.send("PUT 1 1\nkxGET 1\nk@t PING\n");
    talk.conversation->drain();
    talk.acknowledge_all();
    CHECK(talk.take().starts_with("OK ver=1\nVALUE 1 ver=1\nx\n@t ERR SHUTTING_DOWN applied=no"));
  }
  SUBCASE("a request that is arriving") {
    talk.send("@t PUT 1 9\nkx");
    CHECK_FALSE(talk.conversation->is_idle());
    talk.conversation->drain();
    talk.send("12345678PING\n");
    CHECK(talk.take() == "@t ERR SHUTTING_DOWN applied=no :the server is stopping\n");
  }
  SUBCASE("a request that arrives later") {
    CHECK(talk.conversation->is_idle());
    talk.conversation->drain();
    CHECK(talk.ask("@u GET 1\nk").starts_with("@u ERR SHUTTING_DOWN applied=no"));
  }
  CHECK(talk.conversation->end() == End::kLinger);
}

TEST_CASE("the same bytes give the same replies, however they are split") {
  const std::string script =
      "PUT 3 5\r\nfoohello\r\n@a GET 3\nfooBPUT 2\n1 1\nab\n2 3\nkkxyzRANGE 0 0\nPREFIX 1 keys=1\n"
      "kDEL 1\naPUT 0 3\nabcDEL 1\naPING 2\nhiMERGE\nRANGE 0 0 rev=1 limit=1\nSTATS\nQUIT\n";
  Talk whole;
  const std::string expected = whole.ask(script);
  const std::uint64_t seed = kv::test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    Talk talk;
    for (std::size_t at = 0; at < script.size();) {
      const std::size_t size = 1 + random() % 20;
      talk.send(std::string_view(script).substr(at, size));
      at += size;
    }
    CHECK(talk.take() == expected);
  }
}
