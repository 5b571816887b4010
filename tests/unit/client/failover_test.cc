// A client among the servers of a cluster.

#include <atomic>
#include <future>
#include <memory>

#include <doctest/doctest.h>

#include "kv/client.h"
#include "support/fake_server.h"

using namespace kv;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

// The requests of put("k", "v") and get("k").
constexpr std::string_view kPut = "PUT 1 1\nkv";
constexpr std::string_view kGet = "GET 1\nk";

Client connected(const std::string& addresses, std::chrono::milliseconds retry_for = 10s,
                 std::chrono::milliseconds timeout = 10s) {
  ClientOptions options;
  options.address = addresses;
  options.timeout = timeout;
  options.retry_for = retry_for;
  auto client = Client::connect(options);
  REQUIRE(client);
  return std::move(*client);
}

std::string not_leader(const std::string& leader, int epoch) {
  return "ERR NOT_LEADER applied=no leader=" + leader + " epoch=" + std::to_string(epoch) +
         " :another node leads\n";
}

// One connection on which each request, as long as a put or a get, is answered by the next reply.
// Appends what was asked to `asked`.
FakeServer::Script answering(std::string& asked, std::string_view request,
                             const std::vector<std::string>& replies) {
  return [=, &asked](Talk& talk) {
    for (const std::string& reply : replies) {
      asked += talk.read(request.size());
      talk.say(reply);
    }
    talk.read_to_end();
  };
}

// A server that nothing should go to: it would answer. Knocks by itself, as a script must be
// played.
struct Trap {
  explicit Trap(const std::string& answer)
      : server({[=, this](Talk& talk) {
          was_asked = !talk.read(1).empty();
          talk.say(answer);
          talk.read_to_end();
        }}) {}
  ~Trap() {
    ClientOptions options;
    options.address = server.address();
    CHECK(Client::connect(options));
    server.join();
    CHECK(!was_asked);
  }
  std::atomic<bool> was_asked = false;
  FakeServer server;
};

}  // namespace

TEST_CASE("a request goes to the leader that a server names, and so do those behind it") {
  std::string asked_first;
  std::string asked_leader;
  FakeServer leader({answering(asked_leader, kPut, {"OK ver=1\n", "OK ver=2\n"})});
  FakeServer first({answering(asked_first, kPut, {not_leader(leader.address(), 7)})});
  {
    Client client = connected(first.address());
    CHECK(client.address() == first.address());
    CHECK(client.put("k", "v") == Version{1});
    CHECK(client.address() == leader.address());
    CHECK(!client.last_server_error());
    CHECK(client.put("k", "v") == Version{2});
  }
  first.join();
  leader.join();
  CHECK(asked_first == kPut);
  CHECK(asked_leader == std::string(kPut) + std::string(kPut));
}

TEST_CASE("a large value goes to the leader in full") {
  const std::string much(1'000'000, 'x');
  std::string got;
  FakeServer leader({[&](Talk& talk) {
    talk.read_line();
    got = talk.read(1 + much.size());
    talk.say("OK ver=3\n");
    talk.read_to_end();
  }});
  FakeServer first({[&](Talk& talk) {
    talk.read_line();
    talk.read(1 + much.size());
    talk.say(not_leader(leader.address(), 7));
    talk.read_to_end();
  }});
  CHECK(connected(first.address()).put("k", much) == Version{3});
  leader.join();
  CHECK((got == "k" + much));
}

TEST_CASE("servers that name each other are asked once, then again after a wait") {
  std::string asked;
  std::promise<std::string> address_of_a;
  const auto a_is_known = address_of_a.get_future().share();
  FakeServer b({[a_is_known](Talk& talk) {
    talk.read(kPut.size());
    talk.say(not_leader(a_is_known.get(), 7));
    talk.read_to_end();
  }});
  FakeServer a({answering(asked, kPut, {not_leader(b.address(), 7)}),
                answering(asked, kPut, {"OK ver=4\n"})});
  address_of_a.set_value(a.address());
  SUBCASE("until one of them leads") { CHECK(connected(a.address()).put("k", "v") == Version{4}); }
  SUBCASE("until the time is over") {
    // Shorter than the shortest wait.
    Client client = connected(a.address(), 20ms);
    const auto refused = client.put("k", "v");
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::kNotLeader);
    CHECK(refused.error().context.starts_with("no leader took the request within 20 ms; " +
                                              a.address() + ": NOT_LEADER leader=" + b.address()));
    CHECK(client.put("k", "v") == Version{4});
  }
}

TEST_CASE("a leader of an earlier epoch than one that was heard of is not followed") {
  Trap outdated("OK ver=99\n");
  std::string asked;
  SUBCASE("in the answer to HELLO") {
    FakeServer server({[&](Talk& talk) {
      talk.read_line();
      talk.say("OK v=1 role=follower epoch=8\n");
      talk.read(kPut.size());
      talk.say(not_leader(outdated.server.address(), 7));
      talk.read(kPut.size());
      talk.say("OK ver=5\n");
      talk.read_to_end();
    }});
    Client client = connected(server.address());
    REQUIRE(client.hello());
    CHECK(client.put("k", "v") == Version{5});
  }
  SUBCASE("from another server") {
    std::string asked_first;
    FakeServer second({answering(asked, kPut, {not_leader(outdated.server.address(), 7)}),
                       answering(asked, kPut, {"OK ver=5\n"})});
    FakeServer first({answering(asked_first, kPut, {not_leader(second.address(), 8)}),
                      answering(asked_first, kPut, {not_leader(second.address(), 8)})});
    CHECK(connected(first.address()).put("k", "v") == Version{5});
  }
}

TEST_CASE("where nobody leads the request is made again after a wait") {
  std::string asked;
  const auto before = std::chrono::steady_clock::now();
  FakeServer server(
      {answering(asked, kPut,
                 {"ERR NOT_LEADER applied=no leader=- retry_ms=60 :an election is under way\n",
                  "OK ver=6\n"})});
  CHECK(connected(server.address()).put("k", "v") == Version{6});
  CHECK(std::chrono::steady_clock::now() - before >= 60ms);
}

TEST_CASE("where nobody leads the other servers are asked") {
  std::string asked_first;
  std::string asked;
  FakeServer b({answering(asked, kGet, {"VALUE 1 ver=1\nv\n"})});
  FakeServer a(
      {answering(asked_first, kGet, {"ERR NOT_LEADER applied=no leader=- retry_ms=60\n"})});
  const auto value = connected(a.address() + "," + b.address()).get("k");
  REQUIRE((value && *value));
  CHECK((*value)->bytes == "v");
}

TEST_CASE(
    "without time to look for a leader a refusal is the answer, and the next call goes there") {
  std::string asked_first;
  std::string asked;
  FakeServer leader({answering(asked, kPut, {"OK ver=1\n"})});
  FakeServer first({answering(asked_first, kPut, {not_leader(leader.address(), 7)})});
  Client client = connected(first.address(), 0ms);
  const auto refused = client.put("k", "v");
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::kNotLeader);
  CHECK(refused.error().context ==
        "NOT_LEADER leader=" + leader.address() + " epoch=7: another node leads");
  REQUIRE(client.last_server_error());
  CHECK(client.last_server_error()->code == "NOT_LEADER");
  CHECK(client.put("k", "v") == Version{1});
}

TEST_CASE("a refusal that may have been applied after all is not repeated") {
  Trap leader("OK ver=99\n");
  std::string asked;
  FakeServer first({answering(
      asked, kPut, {"ERR NOT_LEADER applied=maybe leader=" + leader.server.address() + "\n"})});
  CHECK(connected(first.address()).put("k", "v").error().code == Errc::kUnknownOutcome);
}

TEST_CASE(
    "a write that was sent and got no reply is not made again; the next call goes elsewhere") {
  auto timeout = 10s / 1ms * 1ms;
  FakeServer::Script fails;
  SUBCASE("the server closes") {
    fails = [](Talk& talk) { talk.read(kPut.size()); };
  }
  SUBCASE("the connection is reset") {
    fails = [](Talk& talk) {
      talk.read(kPut.size());
      talk.reset();
    };
  }
  SUBCASE("the server keeps silent") {
    timeout = 20ms;
    fails = [](Talk& talk) { talk.read_to_end(); };
  }
  std::string asked;
  FakeServer a({fails});
  FakeServer b({[&](Talk& talk) {
    asked = talk.read(kGet.size());
    talk.say("NOT_FOUND\n");
    asked += talk.read_to_end();
  }});
  {
    Client client = connected(a.address() + "," + b.address(), 10s, timeout);
    const auto put = client.put("k", "v");
    REQUIRE(!put);
    CHECK(put.error().code == Errc::kUnknownOutcome);
    CHECK(put.error().context.ends_with("; the write may have been applied"));
    CHECK(client.get("k"));
  }
  b.join();
  CHECK(asked == kGet);
}

TEST_CASE("a write of which only a part was sent goes elsewhere") {
  // More than the buffers of the loopback hold, so that the client is still sending.
  const std::string much(20'000'000, 'x');
  FakeServer a({[](Talk& talk) {
    talk.read(100);
    talk.reset();
  }});
  FakeServer b({[&](Talk& talk) {
    talk.read_line();
    talk.read(1 + much.size());
    talk.say("OK ver=7\n");
    talk.read_to_end();
  }});
  CHECK(connected(a.address() + "," + b.address()).put("k", much) == Version{7});
}

TEST_CASE("a read that got no reply is made elsewhere") {
  auto timeout = 10s / 1ms * 1ms;
  FakeServer::Script fails;
  SUBCASE("the server closes") {
    fails = [](Talk& talk) { talk.read(kGet.size()); };
  }
  SUBCASE("the connection is reset") {
    fails = [](Talk& talk) {
      talk.read(kGet.size());
      talk.reset();
    };
  }
  SUBCASE("the reply breaks off") {
    fails = [](Talk& talk) {
      talk.read(kGet.size());
      talk.say("VALUE 10 ver=3\nabc");
    };
  }
  SUBCASE("the server keeps silent") {
    timeout = 200ms;
    fails = [](Talk& talk) { talk.read_to_end(); };
  }
  std::string asked;
  FakeServer a({fails});
  FakeServer b({answering(asked, kGet, {"VALUE 1 ver=1\nv\n"})});
  const auto value = connected(a.address() + "," + b.address(), 10s, timeout).get("k");
  REQUIRE((value && *value));
  CHECK((*value)->bytes == "v");
}

TEST_CASE("what is asked about a server is not asked of another one once it was sent") {
  std::string asked;
  FakeServer a({[](Talk& talk) { talk.read_line(); }});
  FakeServer b({[&](Talk& talk) {
    asked = talk.read_line();
    talk.say("INFO 1\nb\n");
    talk.read_to_end();
  }});
  Client client = connected(a.address() + "," + b.address());
  CHECK(client.stats("json").error().code == Errc::kUnavailable);
  CHECK(client.stats("text") == "b");
  CHECK(asked == "STATS fmt=text\n");
}

TEST_CASE("the first server that is there is taken, and the others when it goes") {
  std::string asked;
  auto a = std::make_unique<FakeServer>(std::vector<FakeServer::Script>{[](Talk& talk) {
    talk.read(kPut.size());
    talk.say("OK ver=1\n");
  }});
  FakeServer b({answering(asked, kPut, {"OK ver=2\n"})});
  const std::string address_of_a = a->address();
  Client client = connected(test::deserted_address() + "," + address_of_a + "," + b.address());
  CHECK(client.address() == address_of_a);
  CHECK(client.put("k", "v") == Version{1});
  a.reset();
  CHECK(client.put("k", "v") == Version{2});
  CHECK(client.address() == b.address());
}

TEST_CASE(
    "a server that is stopping or still loading sends to the others, alone it is the answer") {
  std::string refusal;
  SUBCASE("stopping") { refusal = "ERR SHUTTING_DOWN applied=no\n"; }
  SUBCASE("loading") { refusal = "ERR LOADING applied=no progress=10\n"; }
  std::string asked_first;
  std::string asked;
  FakeServer a({answering(asked_first, kPut, {refusal}), answering(asked_first, kPut, {refusal})});
  CHECK(connected(a.address()).put("k", "v").error().code == Errc::kTryLater);
  FakeServer b({answering(asked, kPut, {"OK ver=2\n"})});
  CHECK(connected(a.address() + "," + b.address()).put("k", "v") == Version{2});
}

TEST_CASE(
    "a busy server of several is asked again after the wait it wants, alone it is the answer") {
  const std::string busy = "ERR TRY_LATER applied=no retry_ms=60 reason=queue\n";
  std::string asked;
  FakeServer a({answering(asked, kPut, {busy}), answering(asked, kPut, {busy, "OK ver=1\n"})});
  CHECK(connected(a.address()).put("k", "v").error().code == Errc::kTryLater);
  Trap b("OK ver=99\n");
  const auto before = std::chrono::steady_clock::now();
  CHECK(connected(a.address() + "," + b.server.address()).put("k", "v") == Version{1});
  CHECK(std::chrono::steady_clock::now() - before >= 60ms);
}

TEST_CASE("a refusal that is about the request is the answer, whoever else there is") {
  Trap b("OK ver=99\n");
  std::string asked;
  FakeServer a({answering(asked, kPut, {"ERR CONFLICT applied=no ver=3\n"})});
  CHECK(connected(a.address() + "," + b.server.address()).put("k", "v").error().code ==
        Errc::kConflict);
}

TEST_CASE("who finds nobody tells whom it asked") {
  ClientOptions options;
  const std::string a = test::deserted_address();
  const std::string b = test::deserted_address();
  options.address = a + "," + b;
  options.retry_for = 20ms;  // shorter than the shortest wait
  const auto client = Client::connect(options);
  REQUIRE(!client);
  CHECK(client.error().code == Errc::kUnavailable);
  CHECK(client.error().context == "no server took the request within 20 ms; cannot connect to " +
                                      a + ": Connection refused; cannot connect to " + b +
                                      ": Connection refused");
  options.address = a + ",nonsense";
  CHECK(Client::connect(options).error().code == Errc::kInvalidArgument);
}

TEST_CASE("the leader is who says so, or whom the others name") {
  SUBCASE("the first one") {
    std::string asked_more;
    FakeServer a({[&](Talk& talk) {
      talk.read_line();
      talk.say("OK v=1 server=kv/9 node=n1 role=leader epoch=7\n");
      asked_more = talk.read_to_end();
    }});
    CHECK(connected(a.address()).leader() == a.address());
    a.join();
    CHECK(asked_more.empty());
  }
  SUBCASE("another one, which is asked for a change that can be none") {
    std::string reply;
    SUBCASE("as the key is not there") { reply = "NOT_FOUND\n"; }
    SUBCASE("as it has another version") { reply = "ERR CONFLICT applied=no ver=4\n"; }
    const std::string probe = "DEL 6 if=18446744073709551615\nleader";
    std::string asked;
    FakeServer b({answering(asked, probe, {reply})});
    FakeServer a({[&](Talk& talk) {
      talk.read_line();
      talk.say("OK v=1 server=kv/9 node=n1 role=follower epoch=7\n");
      talk.read(probe.size());
      talk.say(not_leader(b.address(), 7));
      talk.read_to_end();
    }});
    CHECK(connected(a.address()).leader() == b.address());
    b.join();
    CHECK(asked == probe);
  }
}

namespace {

Client with_session(const std::string& addresses, std::chrono::milliseconds retry_for = 10s,
                    std::chrono::milliseconds timeout = 10s) {
  ClientOptions options;
  options.address = addresses;
  options.timeout = timeout;
  options.retry_for = retry_for;
  options.has_session = true;
  auto client = Client::connect(options);
  REQUIRE(client);
  return std::move(*client);
}

// Lines of requests with the two bytes "kv" behind each but SESSION, and what is said to each; ""
// closes the connection in place of a reply.
FakeServer::Script in_session(std::string& asked, const std::vector<std::string>& replies) {
  return [=, &asked](Talk& talk) {
    for (const std::string& reply : replies) {
      const std::string line = talk.read_line();
      asked += line;
      if (!line.starts_with("SESSION")) talk.read(2);
      if (reply.empty()) return;
      talk.say(reply);
    }
    talk.read_to_end();
  };
}

constexpr const char* kUnknown = "ERR UNKNOWN_OUTCOME applied=maybe :another node leads\n";

}  // namespace

TEST_CASE("a session's write whose outcome is unknown is sent again under its number") {
  std::string asked;
  SUBCASE("the connection broke") {
    FakeServer server({in_session(asked, {"OK session=77 ttl_ms=5\n", ""}),
                       in_session(asked, {"OK ver=3\n", "OK ver=4\n"})});
    {
      Client client = with_session(server.address());
      CHECK(client.put("k", "v") == Version{3});
      CHECK(client.put("k", "v") == Version{4});
    }
    server.join();
  }
  SUBCASE("the server says so, and refuses for a while") {
    FakeServer server(
        {in_session(asked, {"OK session=77 ttl_ms=5\n", kUnknown, "OK ver=3\n", "OK ver=4\n"})});
    {
      Client client = with_session(server.address());
      CHECK(client.put("k", "v") == Version{3});
      CHECK(client.put("k", "v") == Version{4});
    }
    server.join();
  }
  const std::string first = "PUT 1 1 session=77 req=1\n";
  CHECK(asked == "SESSION\n" + first + first + "PUT 1 1 session=77 req=2 done_below=2\n");
}

TEST_CASE("it goes to another server that leads by then") {
  std::string asked;
  std::string asked_next;
  FakeServer next({in_session(asked_next, {"OK ver=3\n"})});
  FakeServer first({in_session(asked, {"OK session=77 ttl_ms=5\n", ""})});
  {
    Client client = with_session(first.address() + "," + next.address());
    CHECK(client.put("k", "v") == Version{3});
  }
  first.join();
  next.join();
  CHECK(asked_next == "PUT 1 1 session=77 req=1\n");
}

TEST_CASE("what refuses a later try says nothing of the first one") {
  std::string asked;
  FakeServer server({in_session(
      asked, {"OK session=77 ttl_ms=5\n", kUnknown, "ERR NO_SPACE applied=no\n", "OK ver=9\n"})});
  {
    Client client = with_session(server.address());
    const auto lost = client.put("k", "v");
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == Errc::kUnknownOutcome);
    CHECK(client.put("k", "v") == Version{9});  // the lost one can come to nothing any more
  }
  server.join();
  CHECK(asked.ends_with("PUT 1 1 session=77 req=2 done_below=2\n"));
}

TEST_CASE("a conflict is an answer, also of a later try") {
  std::string asked;
  FakeServer server({in_session(
      asked, {"OK session=77 ttl_ms=5\n", kUnknown, "ERR CONFLICT applied=no ver=4\n"})});
  {
    Client client = with_session(server.address());
    const auto refused = client.put("k", "v");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kConflict);
  }
  server.join();
}

TEST_CASE("a session that ended is followed by another one, unless a try of the write is open") {
  constexpr const char* kExpired = "ERR SESSION_EXPIRED applied=no\n";
  std::string asked;
  SUBCASE("the write was not sent before") {
    FakeServer server({in_session(asked, {"OK session=77 ttl_ms=5\n", "OK ver=3\n", kExpired,
                                          "OK session=78 ttl_ms=5\n", "OK ver=4\n"})});
    {
      Client client = with_session(server.address());
      CHECK(client.put("k", "v") == Version{3});
      CHECK(client.put("k", "v") == Version{4});
    }
    server.join();
    CHECK(asked.ends_with("SESSION\nPUT 1 1 session=78 req=1\n"));
  }
  SUBCASE("it was") {
    FakeServer server({in_session(asked, {"OK session=77 ttl_ms=5\n", kUnknown, kExpired,
                                          "OK session=78 ttl_ms=5\n", "OK ver=4\n"})});
    {
      Client client = with_session(server.address());
      const auto lost = client.put("k", "v");
      REQUIRE_FALSE(lost);
      CHECK(lost.error().code == Errc::kUnknownOutcome);
      CHECK(client.put("k", "v") == Version{4});
    }
    server.join();
    CHECK(asked.ends_with("SESSION\nPUT 1 1 session=78 req=1\n"));
  }
}
