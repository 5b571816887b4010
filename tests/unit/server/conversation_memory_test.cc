// What replies may take of the memory of all connections.

#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::server::MemoryLease;
using kv::server::ServerOptions;
using kv::test::Talk;

namespace {

std::string repeat(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

ServerOptions of_memory(std::uint64_t size) {
  ServerOptions options;
  options.memory_max = size;
  return options;
}

}  // namespace

TEST_CASE("a GET that goes to the disk takes memory for its value before it reads") {
  Talk talk(of_memory(1'000'000));
  talk.backend.set("c", std::string(500'000, 'v'));
  talk.backend.cold = {"c"};
  std::uint64_t used = 0;
  talk.backend.on_cold_read = [&] { used = talk.output_memory.used(); };
  talk.read_only(0);
  talk.send("GET 1\nc");
  CHECK(used > 480'000);
  CHECK(talk.output_memory.used() > 480'000);
  CHECK(talk.output_memory.used() <= 500'100);
  talk.read_only(SIZE_MAX);
  talk.settle();
  CHECK(talk.take().size() > 500'000);
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("a GET for whose value there is no memory is told to come later") {
  Talk talk(of_memory(1'000'000));
  talk.backend.set("c", std::string(500'000, 'v'));
  talk.backend.cold = {"c"};
  std::size_t reads = 0;
  talk.backend.on_cold_read = [&] { reads += 1; };
  MemoryLease others(talk.output_memory);
  others.hold(800'000);
  CHECK(talk.ask("@t GET 1\ncPING\n") ==
        "@t ERR TRY_LATER applied=no retry_ms=25 reason=memory :too much is under way at once\n"
        "OK\n");
  CHECK(reads == 0);
  CHECK(talk.counters.try_later_memory.value() == 1);
  CHECK(talk.counters.of(kv::protocol::Verb::kGet).errors.value() == 1);
  others.hold(0);
  CHECK(talk.ask("@t GET 1\nc").starts_with("@t VALUE 500000 ver=1\n"));
}

TEST_CASE("a value larger than the memory of all connections is read when nothing else is held") {
  Talk talk(of_memory(100'000));
  talk.backend.set("c", std::string(3'000'000, 'v'));
  talk.backend.cold = {"c"};
  MemoryLease others(talk.output_memory);
  others.hold(20'000);
  CHECK(talk.ask("GET 1\nc").starts_with("ERR TRY_LATER"));
  CHECK(talk.ask("RANGE 0 0\n").empty());
  others.hold(0);
  talk.pass(talk.options.tick);
  CHECK(talk.take().ends_with("\nEND 1 more=0\n"));
  CHECK(talk.ask("GET 1\nc").starts_with("VALUE 3000000 ver=1\n"));
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("a RANGE waits for memory where a large item comes, and goes on when there is some") {
  Talk talk(of_memory(1'000'000));
  for (const char* key : {"a", "b", "d"}) talk.backend.set(key, "small");
  talk.backend.set("c", std::string(500'000, 'v'));
  talk.backend.cold = {"a"};
  MemoryLease others(talk.output_memory);
  std::uint64_t memory = 0;
  SUBCASE("read from the disk, and not enough is left") {
    talk.backend.cold = {"a", "b", "c", "d"};
    memory = 800'000;
  }
  SUBCASE("read at once, and none is left") { memory = 1'100'000; }
  talk.backend.on_cold_read = [&] { others.hold(memory); };
  talk.send("RANGE 0 0\n");
  talk.pass(10 * talk.options.tick);
  CHECK(talk.take() == "ITEM 1 5 ver=1\nasmall\nITEM 1 5 ver=2\nbsmall\n");
  others.hold(0);
  talk.backend.on_cold_read = [] {};
  talk.pass(talk.options.tick);
  CHECK(talk.take().ends_with("\nITEM 1 5 ver=3\ndsmall\nEND 4 more=0\n"));
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("whoever has replies to take is not read from while all memory of replies is taken") {
  Talk talk;
  const std::size_t help = talk.ask("HELP\n").size();
  MemoryLease others(talk.output_memory);
  others.hold(talk.options.memory_max);
  talk.read_only(0);
  talk.send(repeat("HELP\n", 400));
  CHECK(talk.conversation->output().size() < MemoryLease::kStep + help);
  CHECK_FALSE(talk.conversation->wants_input());
  CHECK(talk.counters.paused_by_memory.value() == 1);
  SUBCASE("but for as much as its client takes") {
    talk.read_only(100'000);
    talk.settle();
    CHECK(talk.take().size() == 100'000);
    CHECK(talk.conversation->output().size() < MemoryLease::kStep + help);
    talk.read_only(SIZE_MAX);
    talk.settle();
    CHECK(talk.take().size() == 400 * help - 100'000);
  }
  SUBCASE("and is soon, when others give theirs back") {
    others.hold(0);
    talk.pass(talk.options.tick);
    CHECK(talk.conversation->output().size() == 400 * help);
    CHECK(talk.conversation->wants_input());
  }
  SUBCASE("and is cut off, if it never takes them") {
    talk.pass(talk.options.slow_reader_timeout - 2 * talk.options.tick);
    CHECK(talk.is_open());
    talk.pass(4 * talk.options.tick);
    CHECK(talk.conversation->end() == kv::server::Conversation::End::kCut);
    CHECK(talk.counters.slow_readers.value() == 1);
  }
}

TEST_CASE("replies that wait for a write to be acknowledged count, and are bounded") {
  ServerOptions options;
  options.output_max = 200'000;
  Talk talk(options);
  talk.backend.acknowledges_at_flush = false;
  const std::string ping = "PING 30000\n" + std::string(30'000, 'p');
  talk.send("PUT 1 1\nkv" + repeat(ping, 20));
  CHECK(talk.output_memory.used() > 180'000);
  CHECK(talk.output_memory.used() < 250'000);
  CHECK_FALSE(talk.conversation->wants_input());
  // The server is late, not the client.
  talk.pass(10 * talk.options.slow_reader_timeout);
  REQUIRE(talk.is_open());
  talk.acknowledge_all();
  CHECK(talk.take().size() == std::string("OK ver=1\n").size() + 20 * (30'000 + 13));
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("writes that are not acknowledged count with what their replies take") {
  Talk talk;
  talk.backend.acknowledges_at_flush = false;
  talk.send(repeat("PUT 1 1\nkv", 1000));
  CHECK(talk.output_memory.used() >= 64'000);
  MemoryLease others(talk.output_memory);
  others.hold(talk.options.memory_max);
  talk.send("PING\n");
  CHECK_FALSE(talk.conversation->wants_input());
  talk.pass(10 * talk.options.slow_reader_timeout);
  REQUIRE(talk.is_open());
  talk.acknowledge_all();
  CHECK(talk.take().ends_with("OK ver=1000\nOK\n"));
  others.hold(0);
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("a large reply that no memory is left for is not made, a small one is") {
  Talk talk;
  MemoryLease others(talk.output_memory);
  others.hold(talk.options.memory_max - 50'000);
  const std::string text(100'000, 'e');
  CHECK(talk.ask("PING 5\nsmallPING 100000\n" + text)
            .starts_with("VALUE 5\nsmall\nERR TRY_LATER applied=no retry_ms=25 reason=memory"));
  CHECK(talk.ask("STATS\n").starts_with("INFO "));
  others.hold(0);
  CHECK(talk.ask("PING 100000\n" + text) == "VALUE 100000\n" + text + "\n");
}
