#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::server::ServerOptions;
using kv::test::Talk;
using End = kv::server::Conversation::End;
using namespace std::chrono_literals;

TEST_CASE("a request that stalls ends the connection after the read timeout") {
  Talk talk;
  SUBCASE("in its header") { talk.send("PING\nPUT 3"); }
  SUBCASE("in its payload") { talk.send("PING\nPUT 3 5\nfoo"); }
  SUBCASE("in a payload that came quickly so far") {
    talk.send("PING\nPUT 1 1000000\nk" + std::string(500'000, 'v'));
  }
  SUBCASE("in a batch") { talk.send("PING\nBPUT 2\n1 1\nab1"); }
  CHECK(talk.take() == "OK\n");
  talk.pass(29s);
  CHECK(talk.is_open());
  talk.pass(2s);
  CHECK(talk.take().starts_with("ERR READ_TIMEOUT applied=no"));
  CHECK(talk.conversation->end() == End::kLinger);
  CHECK(talk.counters.read_timeouts.value() == 1);
  CHECK(talk.backend.values().empty());
}

TEST_CASE("a request that stalls is answered under its tag, as far as that has come") {
  Talk talk;
  std::string tag;
  SUBCASE("in its payload") {
    talk.send("@t1 PUT 3 5\nfoo");
    tag = "@t1 ";
  }
  SUBCASE("in its header") {
    talk.send("@t1 PU");
    tag = "@t1 ";
  }
  SUBCASE("in a batch") {
    talk.send("@t1 BPUT 2\n1 1\nab1");
    tag = "@t1 ";
  }
  SUBCASE("refused, in what is dropped of it") {
    talk.send("@t1 PUT 0 5\nfoo");
    tag = "@t1 ";
  }
  SUBCASE("in its tag") { talk.send("@t1"); }
  SUBCASE("without one, behind one that had one") {
    CHECK(talk.ask("@t1 PING\nPUT 3 5\nfoo") == "@t1 OK\n");
  }
  SUBCASE("in the header, behind one that had one") {
    CHECK(talk.ask("@t1 PING\nPU") == "@t1 OK\n");
  }
  talk.pass(31s);
  CHECK(talk.take().starts_with(tag + "ERR READ_TIMEOUT applied=no"));
}

TEST_CASE("a stop does not wait long for the rest of a request") {
  Talk talk;
  talk.send("@t PUT 3 5\nfoo");
  talk.conversation->drain();
  talk.pass(500ms);
  CHECK(talk.is_open());
  talk.pass(1s);
  CHECK(talk.take() == "@t ERR SHUTTING_DOWN applied=no :the server is stopping\n");
  CHECK(talk.conversation->end() == End::kLinger);
}

TEST_CASE("a request that trickles in ends the connection, a slow but steady one does not") {
  ServerOptions options;
  options.read_rate_min = 1000;
  Talk talk(options);
  talk.send("PUT 1 1000000\nk");
  SUBCASE("below the minimum rate") {
    for (int second = 0; second < 40 && talk.is_open(); ++second) {
      talk.send(std::string(900, 'v'));
      talk.pass(1s);
      if (second < 28) CHECK(talk.is_open());
    }
    CHECK(talk.take().starts_with("ERR READ_TIMEOUT"));
  }
  SUBCASE("above it") {
    for (int second = 0; second < 100; ++second) {
      talk.send(std::string(10'000, 'v'));
      talk.pass(1s);
    }
    CHECK(talk.take() == "OK ver=1\n");
  }
}

TEST_CASE("many quick requests do not excuse one that trickles after them") {
  Talk talk;
  // Always in the middle of a request when the bytes end.
  const std::string header = "PUT 1 1000\nk";
  talk.send(header);
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 100; ++i) talk.send(std::string(1000, 'v') + header);
    talk.pass(1s);
  }
  for (int second = 0; second < 31; ++second) {
    talk.send("v");
    talk.pass(1s);
  }
  CHECK_FALSE(talk.is_open());
}

TEST_CASE("time spent waiting for the server is not the client's") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  talk.send("PUT 1 1\nkxGET 1\nkPUT 1 5\nkab");
  talk.pass(100s);
  CHECK(talk.is_open());
  talk.acknowledge_all();
  talk.pass(29s);
  CHECK(talk.is_open());
  talk.pass(2s);
  CHECK_FALSE(talk.is_open());
}

TEST_CASE("an idle connection stays, unless told otherwise") {
  ServerOptions options;
  SUBCASE("by default") {
    Talk talk(options);
    talk.pass(100'000s);
    CHECK(talk.is_open());
  }
  SUBCASE("with an idle timeout it ends, but not in the middle of something") {
    options.idle_timeout = 60s;
    Talk talk(options);
    talk.pass(50s);
    talk.send("PING\n");
    talk.pass(50s);
    CHECK(talk.is_open());
    talk.backend.acknowledges_at_flush = false;
    talk.send("PUT 1 1\nkx");
    talk.pass(100s);
    CHECK(talk.is_open());
    talk.acknowledge_all();
    talk.pass(61s);
    CHECK_FALSE(talk.is_open());
    CHECK(talk.take() == "OK\nOK ver=1\n");
    CHECK(talk.counters.idle_timeouts.value() == 1);
  }
}

TEST_CASE("a client that does not read is cut off once its output is over the limit") {
  ServerOptions options;
  options.output_max = 100'000;
  options.tick = 100ms;
  Talk talk(options);
  talk.backend.set("k", std::string(60'000, 'v'));
  talk.read_only(0);
  SUBCASE("not below the limit") {
    talk.send("GET 1\nk");
    talk.pass(100s);
    CHECK(talk.is_open());
  }
  SUBCASE("above it, after the timeout") {
    talk.send("GET 1\nkGET 1\nk");
    talk.pass(9s);
    CHECK(talk.is_open());
    talk.pass(2s);
    CHECK(talk.conversation->end() == End::kCut);
    CHECK(talk.counters.slow_readers.value() == 1);
    REQUIRE(talk.events.size() == 1);
    CHECK(talk.events[0].starts_with("slow reader cut off"));
  }
  SUBCASE("not while it takes some") {
    talk.backend.set("k", std::string(10'000'000, 'v'));
    talk.send("GET 1\nk");
    for (int second = 0; second < 100; ++second) {
      talk.read_only(10'000);
      talk.pass(1s);
      CHECK(talk.is_open());
    }
  }
  SUBCASE("a RANGE that is stuck holds a snapshot") {
    talk.options.range_ahead_max = 50'000;
    for (int i = 0; i < 100; ++i) talk.backend.set("r" + std::to_string(i), std::string(1000, 'v'));
    talk.send("RANGE 1 0\nr");
    talk.pass(11s);
    CHECK(talk.conversation->end() == End::kCut);
  }
  SUBCASE("and at the end of a connection any output is over it") {
    talk.send("PING\nQUIT\n");
    talk.pass(11s);
    CHECK(talk.conversation->end() == End::kCut);
  }
}
