#include "kv/client.h"

#include <future>

#include <doctest/doctest.h>

#include "support/fake_server.h"

using namespace kv;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

ClientOptions to(const FakeServer& server) {
  ClientOptions options;
  options.address = server.address();
  options.timeout = 10s;
  return options;
}

// For scripts in which the server keeps silent.
ClientOptions impatient(const FakeServer& server) {
  ClientOptions options = to(server);
  options.timeout = 20ms;
  return options;
}

Client connected(const ClientOptions& options) {
  auto client = Client::connect(options);
  REQUIRE(client);
  return std::move(*client);
}

constexpr const char* kPut = "PUT 1 1\nkv";

// Reads the request of put("k", "v") and answers.
FakeServer::Script answering(std::string reply) {
  return [=](Talk& talk) {
    talk.read(std::string_view(kPut).size());
    talk.say(reply);
    talk.read_to_end();
  };
}

}  // namespace

TEST_CASE("put, get and del say what the protocol says and understand the replies") {
  std::string asked;
  FakeServer server({[&](Talk& talk) {
    asked += talk.read(11);
    talk.say_bytewise("OK ver=7\n");
    asked += talk.read(7);
    talk.say_bytewise("VALUE 2 ver=7\nvv\n");
    asked += talk.read(7);
    talk.say_bytewise("NOT_FOUND\n");
    asked += talk.read(7);
    talk.say_bytewise("OK ver=8\n");
    asked += talk.read(7);
    talk.say_bytewise("NOT_FOUND\n");
  }});
  Client client = connected(to(server));
  CHECK(client.put("k", "vv") == Version{7});
  const auto value = client.get("k");
  REQUIRE((value && *value));
  CHECK((*value)->bytes == "vv");
  CHECK((*value)->version == 7);
  const auto none = client.get("k");
  REQUIRE(none);
  CHECK(!*none);
  CHECK(client.del("k").value() == Version{8});
  CHECK(client.del("k").value() == std::nullopt);
  server.join();
  CHECK(asked == "PUT 1 2\nkvvGET 1\nkGET 1\nkDEL 1\nkDEL 1\nk");
}

TEST_CASE("whether only the leader's disk has a write is known of the last one") {
  FakeServer server({[&](Talk& talk) {
    talk.read(11);
    talk.say("OK ver=7 ack=local epoch=3\n");
    talk.read(7);
    talk.say("NOT_FOUND\n");
    talk.read(7);
    talk.say("OK ver=8 ack=local epoch=3\n");
    talk.read(11);
    talk.say("OK ver=9\n");
  }});
  Client client = connected(to(server));
  CHECK(client.local_ack_epoch() == std::nullopt);
  CHECK(client.put("k", "vv") == Version{7});
  CHECK(client.local_ack_epoch() == 3);
  REQUIRE(client.get("k"));
  CHECK(client.local_ack_epoch() == 3);
  CHECK(client.del("k").value() == Version{8});
  CHECK(client.local_ack_epoch() == 3);
  CHECK(client.put("k", "vv") == Version{9});
  CHECK(client.local_ack_epoch() == std::nullopt);
}

TEST_CASE("the requests about the server return what it says") {
  std::string asked;
  FakeServer server({[&](Talk& talk) {
    asked += talk.read_line();
    talk.say("OK v=1 server=kv/9 feats=range,bput\n");
    asked += talk.read_line();
    talk.say("INFO 5\nkeys\n\n");
    asked += talk.read_line();
    talk.say("INFO 2\n{}\n");
    asked += talk.read_line();
    talk.say("INFO 4\nhelp\n");
    asked += talk.read_line();
    talk.say("OK\n");
    asked += talk.read_line();
    talk.say("INFO 4\ndone\n");
    asked += talk.read_line();
    talk.say("INFO 5\nfreed\n");
    asked += talk.read_line();
    talk.say("INFO 6\npaused\n");
    asked += talk.read_line();
    asked += talk.read_line();
    talk.say("INFO 2\n{}\n");
    asked += talk.read_line();
    talk.say("INFO 15\ntransfer: begun\n");
  }});
  Client client = connected(to(server));
  CHECK(client.hello() == "v=1 server=kv/9 feats=range,bput");
  CHECK(client.stats() == "keys\n");
  CHECK(client.stats("json", "store") == "{}");
  CHECK(client.help() == "help");
  CHECK(client.ping());
  CHECK(client.merge() == "done");
  kv::MergeRequest merge;
  merge.waits = true;
  merge.rate_max = 1000;
  CHECK(client.merge(merge) == "freed");
  merge.action = kv::MergeRequest::Action::kPause;
  CHECK(client.merge(merge) == "paused");
  CHECK(client.inspect("k\n", "json") == "{}");
  CHECK(client.transfer(2));
  server.join();
  CHECK(asked == "HELLO v=1 client=cpp/" KV_VERSION
                 "\nSTATS fmt=text\nSTATS fmt=json section=store\nHELP\nPING\nMERGE\n"
                 "MERGE wait=1 rate=1000\nMERGE do=pause\nINSPECT 2 fmt=json\nk\n"
                 "CLUSTER do=transfer node=2\n");
}

TEST_CASE("a section's name cannot smuggle a second request in") {
  FakeServer server({[](Talk& talk) { talk.read_to_end(); }});
  Client client = connected(to(server));
  for (const char* section : {"a b", "a\nDEL 1\nk", "\x7f"}) {
    CHECK(client.stats("text", section).error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE("an ERR is an error with the server's words, and the connection goes on") {
  FakeServer server({[](Talk& talk) {
    talk.read(10);
    talk.say("ERR CONFLICT applied=no ver=4 :it has another version\n");
    talk.read(10);
    talk.say("OK ver=5\n");
  }});
  Client client = connected(to(server));
  const auto refused = client.put("k", "v");
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::kConflict);
  CHECK(refused.error().context == "CONFLICT ver=4: it has another version");
  REQUIRE(client.last_server_error());
  CHECK(client.last_server_error()->code == "CONFLICT");
  CHECK(client.last_server_error()->fields == "ver=4");
  CHECK(client.last_server_error()->text == "it has another version");
  CHECK(!client.last_server_error()->maybe_applied);
  CHECK(client.put("k", "v") == Version{5});
  CHECK(!client.last_server_error());
}

TEST_CASE("a write without a reply has an unknown outcome, a read is just unavailable") {
  const auto check = [](Client client, Errc of_read) {
    const auto put = client.put("k", "v");
    REQUIRE(!put);
    CHECK(put.error().code == Errc::kUnknownOutcome);
    CHECK(put.error().context.ends_with("; the write may have been applied"));
    CHECK(client.get("k").error().code == of_read);
  };
  SUBCASE("the server closes") {
    FakeServer server({[](Talk& talk) { talk.read(10); }, [](Talk& talk) { talk.read(7); }});
    check(connected(to(server)), Errc::kUnavailable);
  }
  SUBCASE("the connection is reset") {
    const auto script = [](Talk& talk) {
      talk.read(7);
      talk.reset();
    };
    FakeServer server({script, script});
    check(connected(to(server)), Errc::kUnavailable);
  }
  SUBCASE("the reply breaks off") {
    const auto script = [](Talk& talk) {
      talk.read(7);
      talk.say("VALUE 10 ver=3\nabc");
    };
    FakeServer server({script, script});
    check(connected(to(server)), Errc::kUnavailable);
  }
  SUBCASE("no reply in time") {
    const auto silent = [](Talk& talk) { talk.read_to_end(); };
    FakeServer server({silent, silent});
    check(connected(impatient(server)), Errc::kTimeout);
  }
}

TEST_CASE("a write that has not left in full has not been applied") {
  // More than the buffers of the loopback hold, so that the client is still sending.
  const std::string much(kValueSizeMax, 'x');
  SUBCASE("the server goes away") {
    FakeServer server({[](Talk& talk) {
      talk.read(100);
      talk.reset();
    }});
    Client client = connected(to(server));
    CHECK(client.put("k", much).error().code == Errc::kUnavailable);
  }
  SUBCASE("the server takes no more") {
    std::promise<void> given_up;
    FakeServer server({[&](Talk&) { given_up.get_future().wait(); }});
    Client client = connected(impatient(server));
    CHECK(client.put("k", much).error().code == Errc::kTimeout);
    given_up.set_value();
  }
  SUBCASE("the server says why and closes") {
    FakeServer server({[](Talk& talk) {
      talk.read(100);
      talk.say("ERR SHUTTING_DOWN applied=no :the server is stopping\n");
      talk.read_to_end();
    }});
    Client client = connected(to(server));
    const auto refused = client.put("k", much);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::kTryLater);
    CHECK(refused.error().context == "SHUTTING_DOWN: the server is stopping");
  }
}

TEST_CASE("an early refusal does not keep the rest of the request from being sent") {
  const std::string much(20'000'000, 'x');
  std::size_t received = 0;
  FakeServer server({[&](Talk& talk) {
    talk.read_line();
    talk.say("ERR VALUE_TOO_LARGE applied=no max=1000\n");
    received = talk.read(much.size() + 1).size();
    talk.read_line();
    talk.say("OK\n");
  }});
  Client client = connected(to(server));
  CHECK(client.put("k", much).error().code == Errc::kInvalidArgument);
  CHECK(client.ping());
  CHECK(received == much.size() + 1);
}

TEST_CASE("who does not speak the protocol is told as such, even by a write") {
  FakeServer server({answering("HTTP/1.1 400 Bad Request\r\n\r\n")});
  Client client = connected(to(server));
  CHECK(client.put("k", "v").error().code == Errc::kProtocol);
}

TEST_CASE("a server that falls out of step leaves a write's outcome unknown") {
  FakeServer server({[](Talk& talk) {
    talk.read_line();
    talk.say("OK\n");
    talk.read(10);
    talk.say("gibberish\n");
    talk.read_to_end();
  }});
  Client client = connected(to(server));
  REQUIRE(client.ping());
  CHECK(client.put("k", "v").error().code == Errc::kUnknownOutcome);
}

TEST_CASE("a reply of another kind than the request's is no success") {
  const char* reply = "";
  SUBCASE("a value") { reply = "VALUE 1\nx\n"; }
  SUBCASE("an item") { reply = "ITEM 1 1 ver=1\nab\n"; }
  SUBCASE("an end") { reply = "END 0 more=0\n"; }
  SUBCASE("nothing found") { reply = "NOT_FOUND\n"; }
  SUBCASE("no version") { reply = "OK\n"; }
  FakeServer server({answering(reply)});
  Client client = connected(to(server));
  CHECK(client.put("k", "v").error().code == Errc::kUnknownOutcome);
}

TEST_CASE("after a fault the next call connects again") {
  FakeServer server({[](Talk& talk) { talk.read(10); }, answering("OK ver=2\n")});
  Client client = connected(to(server));
  CHECK(client.put("k", "v").error().code == Errc::kUnknownOutcome);
  CHECK(client.put("k", "v") == Version{2});
}

TEST_CASE("a connection that ended between two calls is replaced without a word") {
  const char* last_words = "";
  SUBCASE("closed") {}
  SUBCASE("with a last word") { last_words = "ERR READ_TIMEOUT applied=no\n"; }
  std::promise<void> closed;
  FakeServer server({[&](Talk& talk) {
                       talk.read(10);
                       talk.say("OK ver=1\n");
                       talk.say(last_words);
                       talk.close();
                       closed.set_value();
                     },
                     answering("OK ver=2\n")});
  Client client = connected(to(server));
  REQUIRE(client.put("k", "v") == Version{1});
  closed.get_future().wait();
  CHECK(client.put("k", "v") == Version{2});
}

TEST_CASE("a refusal with which the server closes is not followed by a fault") {
  FakeServer server({answering("ERR SHUTTING_DOWN applied=no\n"), answering("OK ver=2\n")});
  Client client = connected(to(server));
  CHECK(client.put("k", "v").error().code == Errc::kTryLater);
  CHECK(client.put("k", "v") == Version{2});
}

TEST_CASE("connecting to nobody is unavailable, now and later") {
  ClientOptions options;
  options.address = test::deserted_address();
  CHECK(Client::connect(options).error().code == Errc::kUnavailable);
  options.address = "nonsense";
  CHECK(Client::connect(options).error().code == Errc::kInvalidArgument);
}
