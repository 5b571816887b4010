// Every vector of RESP through a conversation, over the listener for both protocols and, as far as
// that matters, over the one for RESP alone.

#include <filesystem>
#include <random>

#include <doctest/doctest.h>

#include "protocol/vector_file.h"
#include "support/seed.h"
#include "support/talk.h"

using kv::protocol::VectorCase;
using kv::server::Dialect;
using kv::test::Talk;

namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kPong = "+PONG\r\n";

std::vector<VectorCase> vectors() {
  auto loaded =
      kv::protocol::load_vectors(std::filesystem::path(KV_SOURCE_DIR) / "protocol/vectors/resp");
  REQUIRE_MESSAGE(loaded, kv::describe(loaded.error()));
  REQUIRE(loaded->size() > 20);
  return std::move(*loaded);
}

template <class Send>
void check(const VectorCase& vector, Dialect dialect, Send send) {
  const std::string name = vector.file + ": " + vector.title;
  CAPTURE(name);
  Talk talk({}, dialect);
  send(talk, vector.sent);
  if (vector.ends_input) talk.end_input();
  CHECK(talk.is_open() == (vector.then == VectorCase::Then::kOpen));
  const std::string answer = talk.take();
  if (vector.then == VectorCase::Then::kOpen) CHECK(talk.ask(kPing) == kPong);
  const auto difference = kv::protocol::mismatch(vector.expected, answer);
  CHECK_MESSAGE(!difference, difference.value_or(""));
}

}  // namespace

TEST_CASE("every vector of RESP gets its answer, whole and byte by byte, on both listeners") {
  for (const VectorCase& vector : vectors()) {
    for (const Dialect dialect : {Dialect::kNativeOrResp, Dialect::kResp}) {
      check(vector, dialect, [](Talk& talk, std::string_view bytes) { talk.send(bytes); });
      check(vector, dialect, [](Talk& talk, std::string_view bytes) { talk.send(bytes, 1); });
    }
  }
}

TEST_CASE("every vector of RESP gets its answer, split at random, with late acknowledgements") {
  const std::uint64_t seed = kv::test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const VectorCase& vector : vectors()) {
    check(vector, Dialect::kNativeOrResp, [&](Talk& talk, std::string_view bytes) {
      talk.backend.acknowledges_at_flush = false;
      while (!bytes.empty()) {
        const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random() % 16);
        talk.send(bytes.substr(0, size));
        bytes.remove_prefix(size);
        if (random() % 4 == 0) talk.acknowledge_all();
      }
      while (talk.backend.unacknowledged() > 0) talk.acknowledge_all();
      talk.backend.acknowledges_at_flush = true;
    });
  }
}

TEST_CASE("native requests are native on the listener for both, and RESP off is told") {
  Talk both({}, Dialect::kNativeOrResp);
  CHECK(both.ask("PING\n") == "OK\n");
  Talk native({}, Dialect::kNative);
  CHECK(native.ask(kPing).starts_with("-ERR RESP is off"));
  CHECK(!native.is_open());
}

TEST_CASE("what a browser is made to send ends the connection before the body it chose") {
  std::string head;
  std::string answer = "HTTP/1.1 400 Bad Request\r\n";
  std::string spoken = "HTTP";
  const std::string late = "-ERR Protocol error: that was HTTP, ";
  SUBCASE("a form") { head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\r\n"; }
  SUBCASE("a link") { head = "GET /\tx HTTP/1.0\r\n"; }
  SUBCASE("a method of its own") { head = "BREW /pot HTTP/1.1\r\n"; }
  SUBCASE("blank lines in front") { head = "\r\n\r\nPOST / HTTP/1.1\r\n"; }
  SUBCASE("behind a command") {
    head = "PING\r\nGET / HTTP/1.1\r\n";
    answer = std::string(kPong) + late;
  }
  SUBCASE("a version that is not known") {
    head = "post / HTTP/4\r\n";
    answer = late;
  }
  SUBCASE("a line that is cut up, then its host") {
    head = "X\r\nhOST: a\r\n";
    answer = "-ERR unknown command 'X', with args beginning with: \r\n" + late;
  }
  SUBCASE("TLS, which repeats names and tickets that others chose") {
    head = "\x16\x03\x01\r\n";
    answer = "-ERR Protocol error: that was TLS, ";
    spoken = "TLS";
  }
  for (const std::size_t chunk : {std::size_t{1}, SIZE_MAX}) {
    Talk talk({}, Dialect::kResp);
    talk.send(head + "SET evil 1\r\n", chunk);
    CHECK(talk.take().starts_with(answer));
    CHECK(!talk.is_open());
    CHECK(!talk.backend.get("evil", kv::ReadMode::kMayBlock)->has_value());
    REQUIRE(talk.events.size() == 1);
    CHECK(talk.events[0] == "wrong protocol: spoken=" + spoken + " action=closed");
    CHECK(talk.counters.foreign_protocols.value() == 1);
  }
}

TEST_CASE("keys and values may look like HTTP") {
  Talk talk({}, Dialect::kResp);
  CHECK(talk.ask("set post host:\r\nget post\r\n") == "+OK\r\n$5\r\nhost:\r\n");
  CHECK(talk.ask("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$8\r\nHTTP/1.1\r\n") == "+OK\r\n");
}

TEST_CASE("inline commands are for the listener of RESP alone") {
  Talk resp({}, Dialect::kResp);
  CHECK(resp.ask("PING\r\n") == kPong);
  CHECK(resp.ask("\r\nset \"a\\x00b\" 'it''s'\n") ==
        "-ERR Protocol error: unbalanced quotes in request\r\n");
  Talk again({}, Dialect::kResp);
  CHECK(again.ask("set \"a b\" 'c d'\r\nget \"a\\x20b\"\r\n") == "+OK\r\n$3\r\nc d\r\n");
  Talk both({}, Dialect::kNativeOrResp);
  CHECK(both.ask(kPing) == kPong);
  CHECK(both.ask("PING\r\n") == "-ERR Protocol error: expected '*', got 'P'\r\n");
  CHECK(!both.is_open());
}
