#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::server::ServerOptions;
using kv::test::Talk;

namespace {

std::string repeat(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a connection with the most requests under way is not read from") {
  ServerOptions options;
  options.limits.inflight_max = 10;
  Talk talk(options);
  talk.backend.acknowledges_at_flush = false;
  talk.send(repeat("PUT 1 1\nkx", 25));
  CHECK(talk.backend.unacknowledged() == 10);
  CHECK_FALSE(talk.conversation->wants_input());
  CHECK(talk.counters.paused_by_inflight.value() == 1);
  talk.acknowledge(0);
  CHECK(talk.backend.unacknowledged() == 10);
  talk.acknowledge_all();
  talk.acknowledge_all();
  talk.acknowledge_all();
  CHECK(talk.take().ends_with("OK ver=25\n"));
  CHECK(talk.conversation->wants_input());
}

TEST_CASE("a connection whose output is over the watermark is not read from") {
  ServerOptions options;
  options.output_max = 10'000;
  Talk talk(options);
  talk.backend.set("k", std::string(4'000, 'v'));
  talk.read_only(0);
  talk.send(repeat("GET 1\nk", 10) + repeat("PUT 1 1\nkx", 1));
  CHECK(talk.conversation->output().size() < 14'100);
  CHECK_FALSE(talk.conversation->wants_input());
  CHECK(talk.counters.paused_by_output.value() == 1);
  CHECK(talk.backend.values().at("k").version == 1);
  talk.read_only(SIZE_MAX);
  talk.settle();
  CHECK(talk.take().ends_with("OK ver=2\n"));
  CHECK(talk.conversation->wants_input());
}

TEST_CASE("a payload beyond the memory of all connections is refused as it comes in") {
  ServerOptions options;
  options.memory_max = 1'000'000;
  Talk talk(options);
  Talk other(options);
  kv::server::MemoryLease others(talk.request_memory);
  others.hold(800'000);
  talk.send("@t PUT 1 500000\nk" + std::string(500'000, 'v') + "PING\n");
  const std::string replies = talk.take();
  CHECK(replies.starts_with("@t ERR TRY_LATER applied=no retry_ms=25 reason=memory"));
  CHECK(replies.ends_with("\nOK\n"));
  CHECK(talk.backend.values().empty());
  CHECK(talk.counters.try_later_memory.value() == 1);
  others.hold(0);
  CHECK(talk.ask("PUT 1 500000\nk" + std::string(500'000, 'v')) == "OK ver=1\n");
  CHECK(talk.request_memory.used() == 0);
}

TEST_CASE("no memory is taken on the word of a length field") {
  ServerOptions options;
  options.memory_max = 1'000'000;
  Talk talk(options);
  talk.send("PUT 1 60000000\nk");
  CHECK(talk.request_memory.used() == 0);
  CHECK(talk.is_open());
}

TEST_CASE("the largest request is taken by a server that has nothing else to do") {
  ServerOptions options;
  options.memory_max = 100'000;
  Talk talk(options);
  CHECK(talk.ask("PUT 1 3000000\nk" + std::string(3'000'000, 'v')) == "OK ver=1\n");
  CHECK(talk.request_memory.used() == 0);
}

TEST_CASE("payloads of writes under way count against the memory of all connections") {
  ServerOptions options;
  options.memory_max = 1'000'000;
  Talk talk(options);
  talk.backend.acknowledges_at_flush = false;
  const std::string put = "PUT 1 30000\nk" + std::string(30'000, 'v');
  talk.send(repeat(put, 50));
  CHECK(talk.request_memory.used() > 900'000);
  CHECK(talk.request_memory.used() <= 1'000'000);
  CHECK(talk.backend.unacknowledged() < 34);
  CHECK(talk.counters.try_later_memory.value() == 50 - talk.backend.unacknowledged());
  SUBCASE("until they are acknowledged") {
    talk.acknowledge_all();
    CHECK(talk.take().ends_with("reason=memory :too much is under way at once\n"));
  }
  SUBCASE("or their connection ends") { talk.conversation.reset(); }
  CHECK(talk.request_memory.used() == 0);
}
