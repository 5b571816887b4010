#include "bench/load_connection.h"

#include <poll.h>

#include <doctest/doctest.h>

#include "support/fake_server.h"

using namespace kv;
using bench::LoadConnection;
using bench::Pending;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

LoadConnection opened(const FakeServer& server) {
  auto connection = LoadConnection::open(server.address(), 10s);
  REQUIRE(connection);
  return std::move(*connection);
}

void await(const LoadConnection& connection, short events) {
  pollfd one{connection.fd(), events, 0};
  REQUIRE(::poll(&one, 1, 10'000) == 1);
}

}  // namespace

TEST_CASE("more than the socket takes is sent bit by bit, and input comes as it is consumed") {
  const std::string large(8 * 1024 * 1024, 'x');
  std::string came;
  FakeServer server({[&](Talk& talk) {
    came = talk.read(large.size());
    talk.say("answer" + large);
    talk.read_to_end();
  }});
  LoadConnection connection = opened(server);
  connection.output() = large;
  REQUIRE(connection.send());
  while (connection.is_sending()) {
    await(connection, POLLOUT);
    REQUIRE(connection.send());
  }
  while (connection.input().size() < 6) {
    await(connection, POLLIN);
    REQUIRE(connection.receive());
  }
  CHECK(connection.input().starts_with("answer"));
  connection.consume(6);
  while (connection.input().size() < large.size()) {
    await(connection, POLLIN);
    REQUIRE(connection.receive());
  }
  CHECK(connection.input() == large);
  CHECK(came == large);
}

TEST_CASE("nothing to read is no error, the other side's end is one") {
  FakeServer server({[](Talk& talk) { talk.read(1); }});
  LoadConnection connection = opened(server);
  CHECK(connection.receive());
  CHECK(connection.input().empty());
  connection.output() += 'x';
  REQUIRE(connection.send());
  await(connection, POLLIN);
  const auto received = connection.receive();
  REQUIRE(!received);
  CHECK(received.error().code == Errc::kUnavailable);
}

TEST_CASE("requests wait in the order in which they were made") {
  FakeServer server({[](Talk&) {}});
  LoadConnection connection = opened(server);
  connection.set_depth(3);
  std::uint32_t next_in = 0, next_out = 0;
  for (int round = 0; round < 5; ++round) {
    while (!connection.is_full()) {
      Pending pending;
      pending.key = next_in++;
      connection.push(pending);
    }
    CHECK(connection.pending() == 3);
    for (int i = 0; i < 2; ++i) {
      CHECK(connection.oldest().key == next_out++);
      connection.pop();
    }
  }
  CHECK(connection.pending() == 1);
  connection.pop();
  connection.set_depth(1);
  Pending pending;
  pending.key = 99;
  connection.push(pending);
  CHECK(connection.is_full());
  CHECK(connection.oldest().key == 99);
}

TEST_CASE("where nobody listens there is no connection") {
  const auto connection = LoadConnection::open(test::deserted_address(), 10s);
  REQUIRE(!connection);
  CHECK(connection.error().code == Errc::kUnavailable);
}
