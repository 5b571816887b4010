#include <memory>

#include <doctest/doctest.h>

#include "kv/client.h"
#include "support/fake_server.h"

using namespace kv;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

Client connected(const FakeServer& server, std::chrono::milliseconds timeout = 10s) {
  ClientOptions options;
  options.address = server.address();
  options.timeout = timeout;
  auto client = Client::connect(options);
  REQUIRE(client);
  return std::move(*client);
}

std::vector<Result<Client::Pipeline::Reply>> drain_two_puts_and_a_get(Client& client) {
  auto pipeline = client.pipeline();
  pipeline.put("k", "1");
  pipeline.put("k", "2");
  pipeline.get("k");
  return pipeline.drain();
}

constexpr std::size_t kTwoPutsAndAGet = 10 + 10 + 7;

}  // namespace

TEST_CASE("a pipeline is sent as it was queued and answered in order, errors among the rest") {
  std::string asked;
  const std::string expected = "PUT 1 1\nk1GET 1\nkGET 1\nnDEL 1\nkBPUT 1\n1 1\nab";
  FakeServer server({[&](Talk& talk) {
    asked = talk.read(expected.size());
    talk.say_bytewise(
        "OK ver=1\nVALUE 1 ver=1\n1\nNOT_FOUND\nERR TRY_LATER applied=no retry_ms=25 "
        "reason=queue\nOK count=1 ver=2\n");
  }});
  Client client = connected(server);
  auto pipeline = client.pipeline();
  pipeline.put("k", "1");
  pipeline.get("k");
  pipeline.get("n");
  pipeline.del("k");
  Batch batch;
  batch.put("a", "b");
  REQUIRE(pipeline.write(batch));
  CHECK(pipeline.size_bytes() == expected.size());
  const auto replies = pipeline.drain();
  server.join();
  CHECK(asked == expected);
  REQUIRE(replies.size() == 5);
  CHECK(replies[0]->version == 1);
  CHECK(replies[1]->value == "1");
  CHECK(replies[1]->version == 1);
  CHECK(!replies[2]->was_found);
  CHECK(replies[3].error().code == Errc::kTryLater);
  CHECK(client.last_server_error()->fields == "retry_ms=25 reason=queue");
  CHECK(replies[4]->version == 2);
  CHECK(pipeline.size_bytes() == 0);
}

TEST_CASE("an empty pipeline has no replies and asks nothing") {
  FakeServer server({[](Talk& talk) { talk.read_to_end(); }});
  Client client = connected(server);
  CHECK(client.pipeline().drain().empty());
}

TEST_CASE("a batch that cannot be sent is refused and not queued") {
  FakeServer server({[](Talk& talk) { talk.read_to_end(); }});
  Client client = connected(server);
  auto pipeline = client.pipeline();
  CHECK(pipeline.write(Batch()).error().code == Errc::kInvalidArgument);
  CHECK(pipeline.size_bytes() == 0);
}

TEST_CASE("however much is queued, the two sides never wait for each other") {
  // A server that answers each request before it reads the next, with replies as large as the
  // requests: if the client only sent, both sides' buffers would fill and stand still.
  constexpr int kCount = 400;
  const std::string large(100'000, 'v');
  FakeServer server({[&](Talk& talk) {
    for (int i = 0; i < kCount; ++i) {
      talk.read_line();
      talk.read(1 + large.size());
      talk.say("OK ver=1\n");
      talk.read(7);
      talk.say("VALUE " + std::to_string(large.size()) + " ver=1\n" + large + "\n");
    }
  }});
  Client client = connected(server);
  auto pipeline = client.pipeline();
  for (int i = 0; i < kCount; ++i) {
    pipeline.put("k", large);
    pipeline.get("k");
  }
  const auto replies = pipeline.drain();
  REQUIRE(replies.size() == 2 * kCount);
  for (int i = 0; i < 2 * kCount; ++i) {
    CAPTURE(i);
    REQUIRE(replies[static_cast<std::size_t>(i)]);
    if (i % 2 == 1) CHECK((replies[static_cast<std::size_t>(i)]->value == large));
  }
}

TEST_CASE("a fault in the middle fails what has no reply, each as its own call would") {
  FakeServer server({[](Talk& talk) {
    talk.read(kTwoPutsAndAGet);
    talk.say("OK ver=1\n");
  }});
  Client client = connected(server);
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  CHECK(replies[0]->version == 1);
  CHECK(replies[1].error().code == Errc::kUnknownOutcome);
  CHECK(replies[2].error().code == Errc::kUnavailable);
}

TEST_CASE("silence in the middle is an unknown outcome of writes, a timeout of reads") {
  FakeServer server({[](Talk& talk) { talk.read_to_end(); }});
  Client client = connected(server, 20ms);
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].error().code == Errc::kUnknownOutcome);
  CHECK(replies[1].error().code == Errc::kUnknownOutcome);
  CHECK(replies[2].error().code == Errc::kTimeout);
}

TEST_CASE("requests behind a reply that ends the connection have not been applied") {
  FakeServer server({[](Talk& talk) {
    talk.read(kTwoPutsAndAGet);
    talk.say("OK ver=1\nERR SHUTTING_DOWN applied=no\n");
  }});
  Client client = connected(server);
  auto pipeline = client.pipeline();
  pipeline.put("k", "1");
  pipeline.put("k", "2");
  pipeline.put("k", "3");
  const auto replies = pipeline.drain();
  REQUIRE(replies.size() == 3);
  CHECK(replies[0]->version == 1);
  CHECK(replies[1].error().code == Errc::kTryLater);
  CHECK(replies[2].error().code == Errc::kUnavailable);
}

TEST_CASE("replies that came before the connection broke are not lost") {
  // The server answers the first request, then goes away while the client is still sending.
  FakeServer server({[](Talk& talk) {
    talk.read(10);
    talk.say("OK ver=1\n");
    talk.read(1000);
    talk.close();
  }});
  Client client = connected(server);
  auto pipeline = client.pipeline();
  pipeline.put("k", "1");
  const std::string large(20'000'000, 'v');
  pipeline.put("k", large);
  pipeline.put("k", "3");
  const auto replies = pipeline.drain();
  REQUIRE(replies.size() == 3);
  // A reset may overtake the reply in the kernel: then the outcome is unknown, never a failure.
  CHECK((replies[0] || replies[0].error().code == Errc::kUnknownOutcome));
  CHECK(replies[1].error().code == Errc::kUnavailable);
  CHECK(replies[2].error().code == Errc::kUnavailable);
}

TEST_CASE("without a connection nothing is applied") {
  std::string address;
  Client client = [&] {
    FakeServer server({[](Talk&) {}});
    Client made = connected(server);
    server.join();
    return made;
  }();
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  for (const auto& reply : replies) CHECK(reply.error().code == Errc::kUnavailable);
}

namespace {

std::string not_leader(const std::string& leader) {
  return "ERR NOT_LEADER applied=no leader=" + leader + " epoch=1\n";
}

Client connected_to(const std::string& addresses, std::chrono::milliseconds retry_for = 10s) {
  ClientOptions options;
  options.address = addresses;
  options.timeout = 10s;
  options.retry_for = retry_for;
  auto client = Client::connect(options);
  REQUIRE(client);
  return std::move(*client);
}

// Reads what drain_two_puts_and_a_get() sends, and answers.
FakeServer::Script answering(std::string& asked, const std::string& replies) {
  return [=, &asked](Talk& talk) {
    asked += talk.read(kTwoPutsAndAGet);
    talk.say(replies);
    talk.read_to_end();
  };
}

}  // namespace

TEST_CASE("a pipeline of which nothing was carried out goes to the leader as it is") {
  std::string asked_first;
  std::string asked;
  FakeServer leader({answering(asked, "OK ver=1\nOK ver=2\nVALUE 1 ver=2\n2\n")});
  const std::string refusal = not_leader(leader.address());
  FakeServer first({answering(asked_first, refusal + refusal + refusal)});
  {
    Client client = connected_to(first.address());
    const auto replies = drain_two_puts_and_a_get(client);
    REQUIRE(replies.size() == 3);
    CHECK(replies[0]->version == 1);
    CHECK(replies[1]->version == 2);
    CHECK(replies[2]->value == "2");
    CHECK(!client.last_server_error());
  }
  leader.join();
  CHECK(asked == asked_first);
  CHECK(asked == "PUT 1 1\nk1PUT 1 1\nk2GET 1\nk");
}

TEST_CASE("what is refused in a pipeline is not made again behind what was carried out") {
  std::string asked_first;
  std::string asked;
  FakeServer leader({[&](Talk& talk) {
    asked = talk.read_line();
    talk.say("OK\n");
    talk.read_to_end();
  }});
  std::string replies_of_first;
  SUBCASE("the later ones") {
    replies_of_first = "OK ver=1\n" + not_leader(leader.address()) + not_leader(leader.address());
  }
  SUBCASE("the earlier ones") {
    replies_of_first = not_leader(leader.address()) + "OK ver=1\n" + not_leader(leader.address());
  }
  SUBCASE("with one that is refused for a reason of its own") {
    replies_of_first = not_leader(leader.address()) + "ERR CONFLICT applied=no ver=4\n" +
                       not_leader(leader.address());
  }
  SUBCASE("with one whose outcome is unknown") {
    replies_of_first = "ERR UNKNOWN_OUTCOME applied=maybe\n" + not_leader(leader.address()) +
                       not_leader(leader.address());
  }
  FakeServer first({answering(asked_first, replies_of_first)});
  Client client = connected_to(first.address());
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  CHECK(replies[2].error().code == Errc::kNotLeader);
  CHECK(client.address() == leader.address());
  CHECK(client.ping());
  CHECK(asked == "PING\n");
}

TEST_CASE("a pipeline goes elsewhere from a server that has gone") {
  std::string asked;
  FakeServer b({answering(asked, "OK ver=1\nOK ver=2\nVALUE 1 ver=2\n2\n")});
  auto a = std::make_unique<FakeServer>(std::vector<FakeServer::Script>{[](Talk&) {}});
  Client client = connected_to(a->address() + "," + b.address());
  a.reset();
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  for (const auto& reply : replies) CHECK(reply);
  CHECK(asked == "PUT 1 1\nk1PUT 1 1\nk2GET 1\nk");
}

TEST_CASE("a pipeline goes elsewhere from a server that is stopping") {
  std::string asked_first;
  std::string asked;
  FakeServer b({answering(asked, "OK ver=1\nOK ver=2\nVALUE 1 ver=2\n2\n")});
  FakeServer a({answering(asked_first, "ERR SHUTTING_DOWN applied=no\n")});
  Client client = connected_to(a.address() + "," + b.address());
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  for (const auto& reply : replies) CHECK(reply);
  CHECK(asked == asked_first);
}

TEST_CASE("a pipeline that was sent and lost is not sent again; the next call goes elsewhere") {
  FakeServer a({[](Talk& talk) { talk.read(kTwoPutsAndAGet); }});
  std::string asked;
  FakeServer b({[&](Talk& talk) {
    asked = talk.read_line();
    talk.say("OK\n");
    talk.read_to_end();
  }});
  Client client = connected_to(a.address() + "," + b.address());
  auto pipeline = client.pipeline();
  pipeline.get("k");
  pipeline.put("k", "1");
  pipeline.put("k", "2");
  const auto replies = pipeline.drain();
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].error().code == Errc::kUnavailable);
  CHECK(replies[1].error().code == Errc::kUnknownOutcome);
  CHECK(replies[2].error().code == Errc::kUnknownOutcome);
  CHECK(client.ping());
  CHECK(asked == "PING\n");
}

TEST_CASE("a pipeline that finds no leader says so once") {
  const std::string refusal = "ERR NOT_LEADER applied=no leader=-\n";
  std::string asked;
  FakeServer server({answering(asked, refusal + refusal + refusal)});
  Client client = connected_to(server.address(), 20ms);  // shorter than the shortest wait
  const auto replies = drain_two_puts_and_a_get(client);
  REQUIRE(replies.size() == 3);
  for (const auto& reply : replies) CHECK(reply.error().code == Errc::kNotLeader);
  CHECK(replies[0].error().context.starts_with("no leader took the request within 20 ms"));
}
