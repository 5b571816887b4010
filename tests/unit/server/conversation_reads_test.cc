#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::Errc;
using kv::Error;
using kv::server::ServerOptions;
using kv::test::Talk;

namespace {

// Keys k0..k9 and on, with values of `size` bytes.
void fill(Talk& talk, int count, std::size_t size) {
  for (int i = 0; i < count; ++i) {
    talk.backend.set("k" + std::to_string(100 + i), std::string(size, 'v'));
  }
}

}  // namespace

TEST_CASE("RANGE and PREFIX take their options") {
  Talk talk;
  for (const char* key : {"a", "b1", "b2", "c"}) talk.backend.set(key, std::string("v") + key);
  CHECK(talk.ask("RANGE 1 1\nac") ==
        "ITEM 1 2 ver=1\nava\nITEM 2 3 ver=2\nb1vb1\nITEM 2 3 ver=3\nb2vb2\nEND 3 more=0\n");
  CHECK(talk.ask("RANGE 0 0 keys=1\n") ==
        "KEY 1\na\nKEY 2\nb1\nKEY 2\nb2\nKEY 1\nc\nEND 4 more=0\n");
  CHECK(talk.ask("RANGE 2 0 keys=1 limit=1\nb2") == "KEY 2\nb2\nEND 1 more=1\n");
  CHECK(talk.ask("RANGE 0 2 keys=1 rev=1\nb2") == "KEY 2\nb1\nKEY 1\na\nEND 2 more=0\n");
  CHECK(talk.ask("RANGE 1 1\ncb") == "END 0 more=0\n");
  CHECK(talk.ask("@p PREFIX 1 keys=1\nb") == "@p KEY 2\nb1\n@p KEY 2\nb2\n@p END 2 more=0\n");
  CHECK(talk.ask("PREFIX 0 keys=1 limit=1\n") == "KEY 1\na\nEND 1 more=1\n");
  CHECK(talk.ask("RANGE 0 0 max_bytes=8\n") ==
        "ITEM 1 2 ver=1\nava\nITEM 2 3 ver=2\nb1vb1\nEND 2 more=1\n");
  CHECK(talk.counters.of(kv::protocol::Verb::kRange).requests.value() == 6);
}

TEST_CASE("the server's own maximum of bytes ends a RANGE with more=1") {
  ServerOptions options;
  options.range_bytes_max = 8;
  Talk talk(options);
  fill(talk, 3, 1);
  CHECK(talk.ask("RANGE 0 0 keys=1\n").ends_with("END 2 more=1\n"));
  CHECK(talk.ask("RANGE 0 0 keys=1 max_bytes=1000\n").ends_with("END 2 more=1\n"));
}

TEST_CASE("a RANGE is produced only a bounded amount ahead of its client") {
  ServerOptions options;
  options.range_ahead_max = 10'000;
  Talk talk(options);
  fill(talk, 500, 1000);
  talk.read_only(0);
  talk.send("RANGE 0 0\nPING\n");
  CHECK(talk.backend.cursor_steps <= 11);
  for (int i = 0; i < 10; ++i) talk.conversation->go_on();
  CHECK(talk.conversation->output().size() < 12'000);
  talk.read_only(5'000);
  talk.settle();
  CHECK(talk.backend.cursor_steps > 11);
  CHECK(talk.conversation->output().size() < 12'000);
  talk.read_only(SIZE_MAX);
  talk.settle();
  CHECK(talk.take().ends_with("\nEND 500 more=0\nOK\n"));
}

TEST_CASE("other connections have their turn while a long RANGE goes on") {
  Talk talk;
  fill(talk, 500, 1000);
  auto& conversation = *talk.conversation;
  const std::string request = "RANGE 0 0\n";
  request.copy(conversation.buffer().data(), request.size());
  conversation.received(request.size());
  CHECK(conversation.wants_turn());
  CHECK(talk.backend.cursor_steps < 80);
  conversation.go_on();
  CHECK(talk.backend.cursor_steps < 160);
}

TEST_CASE("a GET whose value is not in memory leaves the reactor, and others wait behind it") {
  Talk talk;
  talk.backend.set("c", "cold");
  talk.backend.cold.insert("c");
  talk.runs_slow_tasks = false;
  talk.send("@t GET 1\ncPUT 1 1\nkxPING\n");
  CHECK(talk.take().empty());
  CHECK_FALSE(talk.conversation->wants_input());
  CHECK(talk.backend.unacknowledged() == 0);
  talk.runs_slow_tasks = true;
  talk.settle();
  CHECK(talk.take() == "@t VALUE 4 ver=1\ncold\nOK ver=2\nOK\n");
  CHECK(talk.counters.slow_reads.value() == 1);
}

TEST_CASE("a RANGE goes on from the disk where memory ends") {
  Talk talk;
  for (const char* key : {"a", "b", "c", "d"}) talk.backend.set(key, "v");
  talk.backend.cold = {"b", "c"};
  CHECK(talk.ask("RANGE 0 0\nPING\n") ==
        "ITEM 1 1 ver=1\nav\nITEM 1 1 ver=2\nbv\nITEM 1 1 ver=3\ncv\nITEM 1 1 ver=4\ndv\n"
        "END 4 more=0\nOK\n");
  CHECK(talk.slow_tasks_run == 1);
}

TEST_CASE("when too many reads wait for the disk, another GET is told to come later") {
  Talk talk;
  talk.backend.set("c", "cold");
  talk.backend.cold.insert("c");
  talk.slow_tasks_max = 0;
  CHECK(talk.ask("@t GET 1\ncPING\n")
            .starts_with("@t ERR TRY_LATER applied=no retry_ms=25 reason=queue"));
  CHECK(talk.counters.try_later_queue.value() == 1);
  SUBCASE("but a RANGE that has begun waits for its turn") {
    talk.backend.set("a", "warm");
    CHECK(talk.ask("RANGE 0 0\n") == "ITEM 1 4 ver=2\nawarm\n");
    talk.slow_tasks_max = 1;
    talk.pass(talk.options.tick);
    CHECK(talk.take() == "ITEM 1 4 ver=1\nccold\nEND 2 more=0\n");
  }
}

TEST_CASE("damage in the middle of a RANGE ends it with ABORTED, and the connection goes on") {
  Talk talk;
  for (const char* key : {"a", "b", "c"}) talk.backend.set(key, "v");
  talk.backend.read_errors["b"] =
      Error{Errc::kCorruption, "segment=3 offset=64 body checksum differs", {}};
  CHECK(talk.ask("@r RANGE 0 0\nPING\n") ==
        "@r ITEM 1 1 ver=1\nav\n"
        "@r ERR ABORTED applied=no segment=3 offset=64 :body checksum differs\nOK\n");
  CHECK(talk.counters.of(kv::protocol::Verb::kRange).errors.value() == 1);
}

TEST_CASE("a write whose condition would wait for the disk reads it by a slow task first") {
  Talk talk;
  talk.backend.set("c", "cold");
  talk.backend.cold.insert("c");
  CHECK(talk.ask("PUT 1 1 if=1\ncxPUT 1 1 if=1\ncyPING\n")
            .starts_with("OK ver=2\nERR CONFLICT applied=no ver=2"));
  CHECK(talk.slow_tasks_run == 2);
  CHECK(talk.ask("PUT 1 1 if=present\ncz") == "OK ver=3\n");
  CHECK(talk.slow_tasks_run == 2);
}

TEST_CASE("reads are told to come later when others hold all memory of replies") {
  Talk talk;
  talk.backend.set("k", "v");
  kv::server::MemoryLease others(talk.output_memory);
  others.hold(talk.options.memory_max);
  CHECK(talk.ask("GET 1\nkRANGE 0 0\nPING\n") ==
        "ERR TRY_LATER applied=no retry_ms=25 reason=memory :too much is under way at once\n"
        "ERR TRY_LATER applied=no retry_ms=25 reason=memory :too much is under way at once\nOK\n");
  CHECK(talk.counters.try_later_memory.value() == 2);
}

TEST_CASE("replies that nobody takes count against the memory of all connections") {
  ServerOptions options;
  options.memory_max = 100'000;
  options.output_max = 1'000'000;
  Talk talk(options);
  talk.backend.set("k", std::string(60'000, 'v'));
  talk.read_only(0);
  talk.send("GET 1\nkGET 1\nkPUT 1 1\nabPING\n");
  CHECK(talk.output_memory.is_exhausted());
  SUBCASE("further requests wait until they are taken") {
    talk.send("GET 1\nkRANGE 0 0\nPING\n");
    CHECK_FALSE(talk.conversation->wants_input());
    talk.read_only(SIZE_MAX);
    talk.settle();
    CHECK(talk.take().ends_with("\nEND 2 more=0\nOK\n"));
    CHECK(talk.counters.try_later_memory.value() == 0);
  }
  SUBCASE("and it is given back with the connection") { talk.conversation.reset(); }
  SUBCASE("and it is given back when they are taken") {
    talk.read_only(SIZE_MAX);
    talk.settle();
  }
  CHECK(talk.output_memory.used() == 0);
}

TEST_CASE("pipelined GETs keep their order and their tags, whatever stands between them") {
  Talk talk;
  for (const char* key : {"a", "b", "c", "d"}) talk.backend.set(key, key);
  talk.backend.cold = {"c"};
  const std::string script =
      "@1 GET 1\na@2 GET 1\nb@3 GET 1\nc@4 GET 1\nx@5 GET 1\nd@6 PUT 1 1\nan@7 GET 1\na"
      "@8 PING\n@9 GET 1\nb";
  const std::string replies =
      "@1 VALUE 1 ver=1\na\n@2 VALUE 1 ver=2\nb\n@3 VALUE 1 ver=3\nc\n@4 NOT_FOUND\n"
      "@5 VALUE 1 ver=4\nd\n@6 OK ver=5\n@7 VALUE 1 ver=5\nn\n@8 OK\n@9 VALUE 1 ver=2\nb\n";
  std::size_t chunk = SIZE_MAX;
  SUBCASE("sent whole") {}
  SUBCASE("byte by byte") { chunk = 1; }
  SUBCASE("in thirteens") { chunk = 13; }
  CHECK(talk.ask(script, chunk) == replies);
  CHECK(talk.slow_tasks_run == 1);
  CHECK(talk.counters.of(kv::protocol::Verb::kGet).requests.value() == 7);
}

TEST_CASE("GETs that came before the end of input, or a bad line, are answered before it") {
  Talk talk;
  talk.backend.set("a", "a");
  talk.backend.cold = {"a"};
  SUBCASE("end of input") {
    talk.runs_slow_tasks = false;
    talk.send("GET 1\naGET 1\na");
    talk.end_input();
    talk.runs_slow_tasks = true;
    talk.settle();
    CHECK(talk.take() == "VALUE 1 ver=1\na\nVALUE 1 ver=1\na\n");
    CHECK(talk.conversation->end() == kv::server::Conversation::End::kClose);
  }
  SUBCASE("a bad line") {
    const std::string answer = talk.ask("GET 1\naGET 1\naNONSENSE\n");
    CHECK(answer.starts_with("VALUE 1 ver=1\na\nVALUE 1 ver=1\na\nERR BAD_VERB"));
  }
  SUBCASE("a refused one") {
    CHECK(talk.ask("GET 1\naGET 0\nGET 1\na").starts_with("VALUE 1 ver=1\na\nERR EMPTY_KEY"));
  }
}

TEST_CASE("a GET that finds no memory is refused under its own tag, and the next ones go on") {
  Talk talk;
  talk.backend.set("a", "a");
  talk.slow_tasks_max = 0;
  talk.backend.cold = {"a"};
  const std::string answer = talk.ask("@1 GET 1\na@2 GET 1\nx@3 GET 1\na");
  CHECK(answer.starts_with("@1 ERR TRY_LATER"));
  CHECK(answer.find("\n@2 NOT_FOUND\n@3 ERR TRY_LATER") != std::string::npos);
}

TEST_CASE("many pipelined GETs of a client that does not read stop at the output's limit") {
  kv::server::ServerOptions options;
  options.output_max = 64 * 1024;
  Talk talk(options);
  talk.backend.set("a", std::string(10'000, 'a'));
  talk.read_only(0);
  std::string script;
  for (int i = 0; i < 200; ++i) script += "GET 1\na";
  talk.send(script);
  CHECK(talk.conversation->output().size() < 64 * 1024 + 2 * 10'100);
  talk.read_only(SIZE_MAX);
  talk.settle();
  CHECK(talk.take().size() > 200 * 10'000);
}
