#include "client/socket.h"

#include <future>

#include <doctest/doctest.h>

#include "support/fake_server.h"

using namespace kv;
using client::Socket;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

Socket::Clock::time_point soon() { return Socket::Clock::now() + 20ms; }
Socket::Clock::time_point late() { return Socket::Clock::now() + 10s; }

Socket connected(const FakeServer& server) {
  auto socket = Socket::connect(server.address(), 10s);
  REQUIRE(socket);
  return std::move(*socket);
}

}  // namespace

TEST_CASE("nobody listening is told with the address and the system's reason") {
  const std::string address = test::deserted_address();
  const auto socket = Socket::connect(address, 10s);
  REQUIRE(!socket);
  CHECK(socket.error().code == Errc::kUnavailable);
  CHECK(socket.error().context == "cannot connect to " + address);
  CHECK(socket.error().cause == std::errc::connection_refused);
}

TEST_CASE("a name with several addresses is tried until one answers") {
  FakeServer server({[](Talk& talk) { talk.say("x"); }});
  // Where localhost has an IPv6 address, too, nobody listens there.
  const std::string port = server.address().substr(server.address().find(':'));
  auto socket = Socket::connect("localhost" + port, 10s);
  REQUIRE(socket);
  char byte = 0;
  CHECK(socket->read_some(&byte, 1, late()) == 1u);
  CHECK(byte == 'x');
}

TEST_CASE("a name that no one knows is told as such") {
  const auto socket = Socket::connect("no-such-host.invalid:7400", 10s);
  REQUIRE(!socket);
  CHECK(socket.error().code == Errc::kUnavailable);
  CHECK(socket.error().context.starts_with("cannot resolve no-such-host.invalid:7400: "));
}

TEST_CASE("reading ends at its deadline, at the other side's end and at a reset") {
  char byte = 0;
  SUBCASE("silence") {
    FakeServer server({[](Talk& talk) { talk.read_to_end(); }});
    Socket socket = connected(server);
    const auto got = socket.read_some(&byte, 1, soon());
    REQUIRE(!got);
    CHECK(got.error().code == Errc::kTimeout);
  }
  SUBCASE("the end") {
    FakeServer server({[](Talk& talk) { talk.close(); }});
    Socket socket = connected(server);
    const auto got = socket.read_some(&byte, 1, late());
    REQUIRE(!got);
    CHECK(got.error().code == Errc::kUnavailable);
    CHECK(got.error().context == server.address() + " closed the connection");
  }
  SUBCASE("a reset") {
    FakeServer server({[](Talk& talk) {
      talk.read(1);
      talk.reset();
    }});
    Socket socket = connected(server);
    REQUIRE(socket.write_some("x", late(), Socket::Input::kIgnored) == 1u);
    const auto got = socket.read_some(&byte, 1, late());
    REQUIRE(!got);
    CHECK(got.error().code == Errc::kUnavailable);
  }
}

TEST_CASE("writing ends at its deadline when the other side takes nothing") {
  std::promise<void> written;
  FakeServer deaf({[&](Talk&) { written.get_future().wait(); }});
  Socket socket = connected(deaf);
  const std::string much(1024 * 1024, 'x');
  Result<std::size_t> sent = 0;
  while (sent) sent = socket.write_some(much, soon(), Socket::Input::kIgnored);
  written.set_value();
  CHECK(sent.error().code == Errc::kTimeout);
}

TEST_CASE("writing stops for input only when there is no room, and only when told to") {
  std::promise<void> written;
  FakeServer server({[&](Talk& talk) {
    talk.say("reply");
    written.get_future().wait();
  }});
  Socket socket = connected(server);
  const std::string much(1024 * 1024, 'x');
  Result<std::size_t> sent = 1;
  while (sent && *sent > 0) sent = socket.write_some(much, late(), Socket::Input::kStops);
  written.set_value();
  REQUIRE(sent);
  CHECK(*sent == 0);
  char bytes[5];
  CHECK(socket.read_some(bytes, 5, late()) == 5u);
}

TEST_CASE("a connection is idle until something comes or the other side ends") {
  const char* said = "";
  SUBCASE("an end") {}
  SUBCASE("bytes") { said = "ERR READ_TIMEOUT applied=no\n"; }
  FakeServer server({[&](Talk& talk) {
    talk.read(1);
    talk.say(said);
  }});
  Socket socket = connected(server);
  CHECK(socket.is_idle());
  REQUIRE(socket.write_some("x", late(), Socket::Input::kIgnored) == 1u);
  server.join();
  CHECK(!socket.is_idle());
}
