#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::test::Talk;

namespace {

std::string opened(Talk& talk) {
  const std::string answer = talk.ask("SESSION\n");
  const std::string session = std::to_string(talk.backend.newest_session);
  CHECK(answer == "OK session=" + session + " ttl_ms=3600000\n");
  return session;
}

}  // namespace

TEST_CASE("a session's request is answered again as it was, and done once") {
  Talk talk;
  const std::string session = " session=" + opened(talk) + " ";
  const std::string put = "PUT 1 1" + session + "req=1\nka";
  const std::string first = talk.ask(put);
  CHECK(first == "OK ver=2\n");
  CHECK(talk.ask("PUT 1 1\nkb") == "OK ver=3\n");
  CHECK(talk.ask("@t " + put) == "@t OK ver=2\n");
  CHECK(talk.ask("GET 1\nk") == "VALUE 1 ver=3\nb\n");
  CHECK(talk.counters.session_repeats.value() == 1);
  const std::string batch = "BPUT 2" + session + "req=2\n1 1\nma1 1\nnb";
  CHECK(talk.ask(batch + batch) == "OK count=2 ver=4\nOK count=2 ver=4\n");
  const std::string gone = "DEL 1" + session + "req=3\nx";
  CHECK(talk.ask(gone) == "NOT_FOUND\n");
  CHECK(talk.ask("PUT 1 1\nxb") == "OK ver=5\n");
  CHECK(talk.ask(gone) == "NOT_FOUND\n");
  CHECK(talk.ask("GET 1\nx") == "VALUE 1 ver=5\nb\n");
}

TEST_CASE("each session is another one") {
  Talk talk;
  CHECK(opened(talk) != opened(talk));
}

TEST_CASE("what there is no session for is not done, and says so") {
  Talk talk;
  CHECK(talk.ask("PUT 1 1 session=5 req=1\nka").starts_with("ERR SESSION_EXPIRED applied=no"));
  CHECK(talk.ask("GET 1\nk") == "NOT_FOUND\n");
  talk.backend.write_errors.emplace(
      "f", kv::Error{kv::Errc::kRequestForgotten, "done_below=9 the client has the answer", {}});
  CHECK(talk.ask("PUT 1 1 session=5 req=1\nfa") ==
        "ERR REQUEST_FORGOTTEN applied=maybe done_below=9 :the client has the answer\n");
}

TEST_CASE("a session's writes wait for the majority, whatever the server's setting") {
  kv::server::ServerOptions options;
  options.ack = kv::Ack::kLocal;
  Talk talk(options);
  const std::string session = opened(talk);
  CHECK(talk.ask("PUT 1 1 session=" + session + " req=1\nka") == "OK ver=2\n");
  CHECK(talk.backend.newest_ack == kv::Ack::kMajority);
}

TEST_CASE("what a session remembers is read from the disk aside") {
  Talk talk;
  const std::string session = opened(talk);
  const std::string key = kv::Store::session_key(std::stoull(session));
  talk.backend.set(key, "");
  talk.backend.cold.insert(key);
  talk.runs_slow_tasks = false;
  talk.backend.on_cold_read = [&] { talk.backend.warm(key); };
  const std::string put = "PUT 1 1 session=" + session + " req=1\nka";
  CHECK(talk.ask(put).empty());
  talk.runs_slow_tasks = true;
  CHECK(talk.ask("") == "OK ver=3\n");
  CHECK(talk.slow_tasks_run == 1);
}
