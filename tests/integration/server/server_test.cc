#include "server/server.h"

#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "support/running_server.h"

using kv::test::Peer;
using kv::test::RunningServer;
using namespace std::chrono_literals;

namespace {

std::string put(const std::string& key, const std::string& value) {
  return "PUT " + std::to_string(key.size()) + " " + std::to_string(value.size()) + "\n" + key +
         value;
}

std::string get(const std::string& key) { return "GET " + std::to_string(key.size()) + "\n" + key; }

kv::server::ServerOptions quick() {
  kv::server::ServerOptions options;
  options.tick = 5ms;
  options.threads = 2;
  return options;
}

}  // namespace

TEST_CASE("a stranger with a netcat is served") {
  RunningServer running;
  CHECK(running.ask("PUT 5 5\nhelloworldGET 5\nhelloQUIT\n") ==
        "OK ver=1\nVALUE 5 ver=1\nworld\nOK bye\n");
  CHECK(running.ask("put 5 5\r\nhelloworld\r\nget 5\r\nhello\r\nquit\r\n") ==
        "OK ver=2\nVALUE 5 ver=2\nworld\nOK bye\n");
  CHECK(running.ask("HELLO v=1\n").starts_with("OK v=1 server=kv/"));
  CHECK(running.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\nPING\n").starts_with("HTTP/1.1 400 "));
  CHECK(running.ask("FOO\nPING\n").starts_with("ERR BAD_VERB"));
  CHECK(running.stat("keys") == 1);
}

TEST_CASE("STATS tells how many threads serve") {
  kv::server::ServerOptions options;
  options.threads = 2;
  CHECK(RunningServer(options).stat("threads") == 2);
}

TEST_CASE("half-close: everything asked for is answered, whatever the sync policy") {
  kv::Options store_options;
  SUBCASE("none") { store_options.sync = kv::Sync::kNone; }
  SUBCASE("disk") { store_options.sync = kv::Sync::kDisk; }
  RunningServer running(quick(), store_options);
  std::string requests;
  std::string replies;
  for (int i = 1; i <= 2000; ++i) {
    const std::string key = "key" + std::to_string(i % 100);
    requests += put(key, std::to_string(i));
    replies += "OK ver=" + std::to_string(i) + "\n";
    if (i % 50 != 0) continue;
    requests += get(key);
    const std::string value = std::to_string(i);
    replies += "VALUE " + std::to_string(value.size()) + " ver=" + value + "\n" + value + "\n";
  }
  CHECK(running.ask(requests) == replies);
}

TEST_CASE("values of any size come back as they were") {
  RunningServer running(quick());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536},
                                 std::size_t{1'000'000}, std::size_t{20'000'000}}) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 31 >> 3);
    Peer peer = running.connect();
    peer.send(put("k", value));
    peer.read_line();
    peer.send(get("k"));
    CHECK(peer.read_line().starts_with("VALUE " + std::to_string(size) + " "));
    CHECK((peer.read(size) == value));
    CHECK(peer.read(1) == "\n");
  }
}

TEST_CASE("large values are read beside the reactor, which serves others meanwhile") {
  RunningServer running(quick());
  REQUIRE(running.store->put("small", "v"));
  REQUIRE(running.store->put("large", std::string(2'000'000, 'v')));
  CHECK(running.ask(get("small")) == "VALUE 1 ver=1\nv\n");
  CHECK(running.stat("slow_reads") == 0);
  CHECK(running.ask(get("large")).size() ==
        std::string("VALUE 2000000 ver=2\n\n").size() + 2'000'000);
  CHECK(running.stat("slow_reads") == 1);
}

TEST_CASE("many who read large values at once take no more memory than there is") {
  kv::server::ServerOptions options = quick();
  options.memory_max = 16 * 1024 * 1024;
  kv::Options store_options;
  store_options.sync = kv::Sync::kNone;
  RunningServer running(options, store_options);
  REQUIRE(running.store->put("big", std::string(8'000'000, 'v')));
  std::vector<Peer> peers;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(running.connect(4096));
    peers.back().send(get("big"));
  }
  // The first few get what there is; what the kernel's buffers took of it may go to others.
  int served = 0;
  int refused = 0;
  for (Peer& peer : peers) {
    const std::string line = peer.read_line();
    served += line.starts_with("VALUE 8000000 ") ? 1 : 0;
    refused += line.starts_with("ERR TRY_LATER applied=no retry_ms=25 reason=memory") ? 1 : 0;
  }
  CHECK(served >= 1);
  CHECK(refused > 0);
  CHECK(served + refused == 40);
  CHECK(running.stat("output_bytes") <= options.memory_max);
}

TEST_CASE("clients that ask and do not read share the memory of replies, and all are answered") {
  kv::server::ServerOptions options = quick();
  options.memory_max = 1024 * 1024;
  options.slow_reader_timeout = 1h;
  RunningServer running(options);
  const std::size_t help = running.ask("HELP\n").size();
  constexpr std::size_t kRequests = 4000;
  std::string requests;
  for (std::size_t i = 0; i < kRequests; ++i) requests += "HELP\n";
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(running.connect(4096));
    peers.back().send(requests);
  }
  running.await_stat("paused_by_memory", 20);
  const std::uint64_t own = 16 * 1024 + help;
  CHECK(running.stat("output_bytes") <= options.memory_max + peers.size() * own);
  // One after the other: who comes late waits for the others' memory.
  for (Peer& peer : peers) {
    CHECK(peer.read(kRequests * help).size() == kRequests * help);
    peer.send("PING\n");
    CHECK(peer.read_line() == "OK\n");
  }
  CHECK(running.stat("output_bytes") == 0);
}

TEST_CASE("a RANGE longer than every buffer streams in order") {
  kv::Options store_options;
  store_options.sync = kv::Sync::kNone;
  kv::server::ServerOptions options = quick();
  options.range_ahead_max = 16 * 1024;
  RunningServer running(options, store_options);
  constexpr int kCount = 20'000;
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(running.store->put("k" + std::to_string(100'000 + i), std::string(100, 'v')));
  }
  Peer peer = running.connect(4096);
  peer.send("RANGE 0 0 limit=1000000\n");
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(peer.read_line().starts_with("ITEM 7 100 ver="));
    REQUIRE(peer.read(107).substr(0, 7) == "k" + std::to_string(100'000 + i));
    REQUIRE(peer.read(1) == "\n");
  }
  CHECK(peer.read_line() == "END 20000 more=0\n");
}

TEST_CASE("thousands of connections are served at once") {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  // Both ends are in this process.
  const auto count = static_cast<int>(std::min<rlim_t>(2000, (files.rlim_cur - 200) / 2));
  RunningServer running(quick());
  std::vector<Peer> peers;
  for (int i = 0; i < count; ++i) peers.push_back(running.connect());
  for (int i = 0; i < count; ++i) {
    peers[static_cast<std::size_t>(i)].send(put("k" + std::to_string(i), std::to_string(i)));
  }
  for (Peer& peer : peers) CHECK(peer.read_line().starts_with("OK ver="));
  for (int i = 0; i < count; ++i) {
    peers[static_cast<std::size_t>(i)].send(get("k" + std::to_string(i)));
  }
  for (Peer& peer : peers) CHECK(peer.read_line().starts_with("VALUE "));
  CHECK(running.stat("connections") == static_cast<std::uint64_t>(count) + 1);
  CHECK(running.stat("keys") == static_cast<std::uint64_t>(count));
}

TEST_CASE("one connection too many is told so and closed") {
  kv::server::ServerOptions options = quick();
  options.connections_max = 2;
  RunningServer running(options);
  {
    Peer first = running.connect();
    first.send("PING\n");
    CHECK(first.read_line() == "OK\n");
    Peer second = running.connect();
    second.send("PING\n");
    CHECK(second.read_line() == "OK\n");
    Peer third = running.connect();
    CHECK(third.read_line().starts_with("ERR TRY_LATER applied=no retry_ms=25 reason=connections"));
    CHECK(third.is_closed_by_server());
    second.send("STATS section=backpressure\nQUIT\n");
    CHECK(second.read_to_end().find("connections_refused: 1\n") != std::string::npos);
  }
  // With those two gone there is room again, as soon as the server has seen them go.
  while (running.ask("PING\n") != "OK\n") std::this_thread::yield();
}

TEST_CASE("a payload that stalls ends its connection, and only that") {
  kv::server::ServerOptions options = quick();
  options.read_timeout = 50ms;
  RunningServer running(options);
  Peer idle = running.connect();
  Peer stalled = running.connect();
  stalled.send("PING\nPUT 3 5\nfoohel");
  CHECK(stalled.read_line() == "OK\n");
  CHECK(stalled.read_line().starts_with("ERR READ_TIMEOUT applied=no"));
  CHECK(stalled.is_closed_by_server());
  idle.send(get("foo"));
  CHECK(idle.read_line() == "NOT_FOUND\n");
}

TEST_CASE("a client that never reads is cut off and gives its memory back") {
  kv::server::ServerOptions options = quick();
  options.slow_reader_timeout = 100ms;
  RunningServer running(options);
  REQUIRE(running.store->put("big", std::string(8'000'000, 'v')));
  Peer slow = running.connect(4096);
  slow.send(get("big") + get("big"));
  CHECK(running.await_stat("slow_readers", 1) == 1);
  CHECK(running.stat("output_bytes") == 0);
  REQUIRE(running.events().size() == 1);
  CHECK(running.events()[0].starts_with("slow reader cut off"));
}

TEST_CASE("connections killed with writes pending do no harm") {
  RunningServer running(quick());
  for (int round = 0; round < 50; ++round) {
    Peer peer = running.connect();
    std::string requests;
    for (int i = 0; i < 50; ++i) requests += put("k" + std::to_string(i), std::to_string(round));
    peer.send(requests);
    peer.reset();
  }
  CHECK(running.ask("PING\n") == "OK\n");
  CHECK(running.server->address().starts_with("127.0.0.1:"));
}

TEST_CASE("a stop drains: what was asked for is answered, then every connection ends") {
  auto running = std::make_unique<RunningServer>(quick());
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(running->connect());
    peers.back().send("PING\n");
    CHECK(peers.back().read_line() == "OK\n");
  }
  for (Peer& peer : peers) peer.send(put("k", "v"));
  running->server->stop(kv::server::Server::Stop::kDrain);
  for (Peer& peer : peers) {
    const std::string reply = peer.read_line();
    const bool is_answered =
        reply.starts_with("OK ver=") || reply.starts_with("ERR SHUTTING_DOWN applied=no");
    CHECK_MESSAGE(is_answered, reply);
    CHECK(peer.is_closed_by_server());
  }
  running->server->wait();
  CHECK_THROWS(running->connect());
}

TEST_CASE("who asks just when the server stops is told so") {
  kv::server::ServerOptions options = quick();
  options.goodbye = 1h;
  RunningServer running(options);
  Peer peer = running.connect();
  peer.send("PING\n");
  CHECK(peer.read_line() == "OK\n");
  running.server->stop(kv::server::Server::Stop::kDrain);
  std::string reply;
  do {  // the stop reaches the connection's thread some time
    peer.send("PING\n");
    reply = peer.read_line();
  } while (reply == "OK\n");
  CHECK(reply.starts_with("ERR SHUTTING_DOWN applied=no"));
  CHECK(peer.is_closed_by_server());
  running.server->wait();
}

TEST_CASE("a stop now cuts a connection that a drain would wait for") {
  kv::server::ServerOptions options = quick();
  options.drain_timeout = options.drain_stall = 1h;
  RunningServer running(options);
  Peer peer = running.connect();
  peer.send("PING\nPUT 3 5\nfoo");
  CHECK(peer.read_line() == "OK\n");
  running.server->stop(kv::server::Server::Stop::kDrain);
  running.server->stop(kv::server::Server::Stop::kNow);
  running.server->wait();
  CHECK(peer.is_closed_by_server());
  CHECK(running.store->stats().keys == 0);
}

TEST_CASE("a drain that takes too long is ended") {
  kv::server::ServerOptions options = quick();
  options.drain_timeout = 50ms;
  options.drain_stall = 1h;
  RunningServer running(options);
  Peer peer = running.connect();
  peer.send("PING\nPUT 3 5\nfoo");
  CHECK(peer.read_line() == "OK\n");
  running.server->stop(kv::server::Server::Stop::kDrain);
  running.server->wait();
  CHECK(peer.is_closed_by_server());
}

TEST_CASE("an address that is none, and one that is taken, are refused with words") {
  kv::server::ServerOptions options;
  for (const char* listen : {"", "7400", ":7400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                             "127.0.0.1:65536", "::1:7400"}) {
    options.listen = listen;
    const auto server = kv::server::Server::bind(options);
    REQUIRE_FALSE(server);
    CHECK(server.error().code == kv::Errc::kInvalidArgument);
  }
  options.listen = "127.0.0.1:0";
  const auto first = kv::server::Server::bind(options);
  REQUIRE(first);
  options.listen = (*first)->address();
  const auto second = kv::server::Server::bind(options);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == kv::Errc::kIo);
  CHECK(second.error().cause == std::errc::address_in_use);
}

TEST_CASE("an address that other machines reach is refused before it is listened on") {
  kv::server::ServerOptions options;
  options.listen = "127.0.0.1:0";
  const auto first = kv::server::Server::bind(options);
  REQUIRE(first);
  const std::string taken = (*first)->address();
  const std::string everywhere = "0.0.0.0" + taken.substr(taken.rfind(':'));
  SUBCASE("that of both protocols") { options.listen = everywhere; }
  SUBCASE("that of RESP alone") {
    options.listen = taken;
    options.resp_listen = everywhere;
  }
  const auto refused = kv::server::Server::bind(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == kv::Errc::kInvalidArgument);
  CHECK(refused.error().context.starts_with(everywhere + " can be reached from other machines"));
  options.is_insecure = true;
  const auto taken_one = kv::server::Server::bind(options);
  REQUIRE_FALSE(taken_one);
  CHECK(taken_one.error().cause == std::errc::address_in_use);
}

TEST_CASE("a stop in the middle of a long RANGE lets it finish") {
  kv::Options store_options;
  store_options.sync = kv::Sync::kNone;
  RunningServer running(quick(), store_options);
  // More than the kernel's buffers hold.
  for (int i = 0; i < 200; ++i) {
    REQUIRE(running.store->put("k" + std::to_string(i), std::string(100'000, 'v')));
  }
  Peer peer = running.connect(4096);
  peer.send("RANGE 0 0 limit=100000\nPING\n");
  std::string answer = peer.read(1000);
  running.server->stop(kv::server::Server::Stop::kDrain);
  answer += peer.read_to_end();
  CHECK(answer.find("\nEND 200 more=0\n") != std::string::npos);
  CHECK(answer.find("\nERR SHUTTING_DOWN applied=no") != std::string::npos);
}

TEST_CASE("connections killed in the middle of a RANGE let go of their snapshots") {
  kv::Options store_options;
  store_options.sync = kv::Sync::kNone;
  RunningServer running(quick(), store_options);
  // More than the kernel's buffers hold.
  for (int i = 0; i < 200; ++i) {
    REQUIRE(running.store->put("k" + std::to_string(i), std::string(100'000, 'v')));
  }
  std::vector<Peer> peers;
  for (int i = 0; i < 10; ++i) {
    peers.push_back(running.connect(4096));
    peers.back().send("RANGE 0 0 limit=100000\n");
    peers.back().read(1000);
  }
  CHECK(running.store->stats().snapshots == 10);
  for (Peer& peer : peers) peer.reset();
  while (running.store->stats().snapshots > 0) std::this_thread::yield();
  CHECK(running.ask("PING\n") == "OK\n");
}

TEST_CASE("without descriptors accepting pauses, and goes on when there are some again") {
  RunningServer running(quick());
  std::vector<Peer> peers(20);
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  rlimit few = files;
  few.rlim_cur = 100;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> taken;
  std::size_t connected = 0;
  while (running.events().empty()) {
    // Again each time: the store opens and closes files of its own.
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
    if (connected == peers.size()) continue;
    peers[connected].connect(running.server->address());
    peers[connected].send("PING\n");
    connected += 1;
  }
  CHECK(running.events()[0].starts_with("cannot accept cause="));
  for (const int fd : taken) ::close(fd);
  for (std::size_t i = 0; i < connected; ++i) CHECK(peers[i].read_line() == "OK\n");
  CHECK(running.stat("accept_pauses") >= 1);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
}
