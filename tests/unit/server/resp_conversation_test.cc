#include "server/resp_conversation.h"

#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/talk.h"

using kv::server::Dialect;
using kv::test::Talk;

namespace {

std::string command(std::initializer_list<std::string> arguments) {
  std::string out = fmt::format("*{}\r\n", arguments.size());
  for (const std::string& one : arguments) out += fmt::format("${}\r\n{}\r\n", one.size(), one);
  return out;
}

// The cursor and the keys of SCAN's reply.
std::pair<std::string, std::vector<std::string>> scanned(std::string_view reply) {
  std::vector<std::string> words;
  while (!reply.empty()) {
    const std::size_t end = reply.find("\r\n");
    if (reply[0] == '$') {
      const auto size = static_cast<std::size_t>(std::stoul(std::string(reply.substr(1, end - 1))));
      words.emplace_back(reply.substr(end + 2, size));
      reply.remove_prefix(end + 2 + size + 2);
    } else {
      reply.remove_prefix(end + 2);
    }
  }
  REQUIRE(!words.empty());
  return {words[0], {words.begin() + 1, words.end()}};
}

}  // namespace

TEST_CASE("SCAN gives each key once, whatever COUNT is, and as MATCH wants") {
  Talk talk({}, Dialect::kNativeOrResp);
  for (int i = 0; i < 100; ++i) talk.backend.set(fmt::format("key:{:03}", i), "v");
  talk.backend.set("other", "v");
  std::multiset<std::string> seen;
  std::string cursor = "0";
  int calls = 0;
  do {
    const auto [next, keys] =
        scanned(talk.ask(command({"SCAN", cursor, "MATCH", "key:0?[0-4]", "COUNT", "7"})));
    seen.insert(keys.begin(), keys.end());
    cursor = next;
    calls += 1;
  } while (cursor != "0");
  CHECK(calls == 15);
  CHECK(seen.size() == 50);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 50);
  CHECK(talk.ask(command({"SCAN", "12345"})).starts_with("-ERR invalid cursor"));
  CHECK(talk.ask(command({"SCAN", "0", "COUNT", "0"})) == "-ERR syntax error\r\n");
}

TEST_CASE("values that are not in memory are read by slow tasks, and replies keep their order") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.backend.set("warm", "w");
  talk.backend.set("cold", "c");
  talk.backend.cold.insert("cold");
  CHECK(talk.ask(command({"GET", "cold"}) + command({"GET", "warm"}) +
                 command({"MGET", "warm", "cold", "none"}) + command({"STRLEN", "cold"})) ==
        "$1\r\nc\r\n$1\r\nw\r\n*3\r\n$1\r\nw\r\n$1\r\nc\r\n$-1\r\n:1\r\n");
  CHECK(talk.slow_tasks_run == 3);
}

TEST_CASE("an update of a cold key is made when its value has been read") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.backend.set("n", "41");
  talk.backend.cold.insert("n");
  talk.backend.on_cold_read = [&] { talk.backend.warm("n"); };
  CHECK(talk.ask(command({"INCR", "n"})) == ":42\r\n");
  CHECK(talk.slow_tasks_run == 1);
}

TEST_CASE("errors of the store have the words that clients branch on") {
  Talk talk({}, Dialect::kNativeOrResp);
  const auto refuse = [&](kv::Errc code) {
    talk.backend.write_errors.insert_or_assign("k", kv::Error{code, "why", {}});
    return talk.ask(command({"SET", "k", "v"}));
  };
  CHECK(refuse(kv::Errc::kNoSpace) == "-MISCONF why\r\n");
  CHECK(refuse(kv::Errc::kReadOnly) == "-MISCONF why\r\n");
  CHECK(refuse(kv::Errc::kTryLater) == "-TRYAGAIN why\r\n");
  CHECK(refuse(kv::Errc::kUnknownOutcome) == "-UNKNOWNOUTCOME why\r\n");
  CHECK(refuse(kv::Errc::kInvalidArgument) == "-ERR why\r\n");
  talk.backend.read_errors.insert_or_assign("d", kv::Error{kv::Errc::kCorruption, "rot", {}});
  talk.backend.set("d", "v");
  CHECK(talk.ask(command({"GET", "d"})) == "-CORRUPT rot\r\n");
  CHECK(talk.ask(command({"PING"})) == "+PONG\r\n");
}

TEST_CASE("DEL of several keys tells how many there were when the last is acknowledged") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.backend.set("a", "1");
  talk.backend.set("b", "1");
  talk.backend.acknowledges_at_flush = false;
  talk.send(command({"DEL", "a", "x", "b"}) + command({"PING"}));
  CHECK(talk.backend.unacknowledged() == 3);
  talk.acknowledge(2);
  talk.acknowledge(0);
  CHECK(talk.take().empty());
  talk.acknowledge_all();
  CHECK(talk.take() == ":2\r\n+PONG\r\n");
}

TEST_CASE("HELLO 3 changes how nulls and maps look") {
  Talk talk({}, Dialect::kNativeOrResp);
  const std::string hello = talk.ask(command({"HELLO", "3"}));
  CHECK(hello.starts_with("%7\r\n$6\r\nserver\r\n$2\r\nkv\r\n"));
  CHECK(hello.find("$5\r\nproto\r\n:3\r\n") != std::string::npos);
  CHECK(talk.ask(command({"GET", "none"})) == "_\r\n");
  CHECK(talk.ask(command({"CONFIG", "GET", "sav?"})) == "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
}

TEST_CASE("INFO has the sections asked for, DBSIZE the number of keys") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.backend.fixed_stats.keys = 12;
  const std::string info = talk.ask(command({"INFO"}));
  CHECK(info.find("redis_version:") != std::string::npos);
  CHECK(info.find("db0:keys=12,") != std::string::npos);
  const std::string part = talk.ask(command({"INFO", "keyspace"}));
  CHECK(part.find("redis_version:") == std::string::npos);
  CHECK(part.find("db0:keys=12,") != std::string::npos);
  CHECK(talk.ask(command({"DBSIZE"})) == ":12\r\n");
}

TEST_CASE("BGREWRITEAOF begins a merge") {
  Talk talk({}, Dialect::kNativeOrResp);
  CHECK(talk.ask(command({"BGREWRITEAOF"})).starts_with("+Background append only file rewriting"));
  CHECK(talk.merge_rates.size() == 1);
}

TEST_CASE("a value over the limit is dropped as it comes, and the connection goes on") {
  kv::server::ServerOptions options;
  options.limits.value_max = 100;
  Talk talk(options, Dialect::kNativeOrResp);
  CHECK(talk.ask(command({"SET", "k", std::string(101, 'x')}) + command({"PING"})) ==
        "-ERR value is too large; the limit is 100 bytes\r\n+PONG\r\n");
  CHECK(talk.backend.values().empty());
}

TEST_CASE("a command that stalls is given up, and so is one at a stop") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.send("*2\r\n$3\r\nGET\r\n");
  talk.pass(std::chrono::seconds(31));
  CHECK(talk.take() == "-ERR the rest of the request did not come in time\r\n");
  CHECK(!talk.is_open());
  Talk stopping({}, Dialect::kNativeOrResp);
  CHECK(stopping.ask(command({"PING"})) == "+PONG\r\n");
  stopping.conversation->drain();
  CHECK(stopping.ask(command({"GET", "a"})) == "-ERR the server is stopping\r\n");
}

TEST_CASE("a key that damage may hide is not said to be absent") {
  Talk talk({}, Dialect::kNativeOrResp);
  talk.backend.set("here", "v");
  talk.backend.read_errors.emplace("hidden", kv::Error{kv::Errc::kCorruption, "segment=1", {}});
  CHECK(talk.ask(command({"EXISTS", "here", "none"})) == ":1\r\n");
  CHECK(talk.ask(command({"EXISTS", "here", "hidden"})).starts_with("-CORRUPT "));
  CHECK(talk.ask(command({"TYPE", "hidden"})).starts_with("-CORRUPT "));
  CHECK(talk.ask(command({"TYPE", "none"})) == "+none\r\n");
}

TEST_CASE("SCAN goes on behind keys whose values are not in memory") {
  Talk talk({}, Dialect::kNativeOrResp);
  for (int i = 0; i < 5; ++i) talk.backend.set(fmt::format("key:{}", i), "v");
  talk.backend.cold.insert("key:2");
  CHECK(scanned(talk.ask(command({"SCAN", "0"}))).second.size() == 5);
}
