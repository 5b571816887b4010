#include "cli/batch_sender.h"

#include <doctest/doctest.h>

#include "support/fake_server.h"

using namespace kv;
using cli::BatchSender;
using test::FakeServer;
using test::Talk;

namespace {

// Takes one BPUT off the connection; returns its items as "key=value ".
std::string read_batch(Talk& talk) {
  const std::string header = talk.read_line();
  if (header.empty()) return "";
  std::string out = "[";
  const auto count = std::stoul(header.substr(header.find(' ')));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string sizes = talk.read_line();
    out += talk.read(std::stoul(sizes)) + "=";
    out += talk.read(std::stoul(sizes.substr(sizes.find(' ')))) + " ";
  }
  return out + "]";
}

// Answers each batch with the reply whose turn it is, the last one for ever.
FakeServer::Script replying(std::string& got, std::vector<std::string> replies) {
  return [&got, replies](Talk& talk) {
    std::size_t turn = 0;
    for (std::string batch = read_batch(talk); !batch.empty(); batch = read_batch(talk)) {
      got += batch;
      talk.say(replies[std::min(turn++, replies.size() - 1)]);
    }
  };
}

struct Sending {
  explicit Sending(std::vector<std::string> replies, std::uint32_t batch_max = 2,
                   const WriteOptions& write = {})
      : server({replying(got, std::move(replies))}) {
    ClientOptions options;
    options.address = server.address();
    options.retry_for = std::chrono::milliseconds(20);  // shorter than the client's shortest wait
    client.emplace(std::move(*Client::connect(options)));
    sender.emplace(*client, BatchSender::Settings{batch_max, write},
                   [this](std::chrono::milliseconds wait) { waits.push_back(wait.count()); });
  }
  // What the server got, at the end.
  std::string all() {
    client.reset();
    server.join();
    return got;
  }

  std::string got;
  std::vector<std::int64_t> waits;
  FakeServer server;
  std::optional<Client> client;
  std::optional<BatchSender> sender;
};

constexpr const char* kTryLater = "ERR TRY_LATER applied=no retry_ms=25\n";

}  // namespace

TEST_CASE("records go in order, in batches of the size asked for") {
  Sending sending({"OK count=2 ver=2\n"});
  for (const char* key : {"a", "b", "c", "d", "e"}) REQUIRE(sending.sender->add(key, "1", 1));
  CHECK(sending.sender->written() == 0);
  REQUIRE(sending.sender->finish());
  CHECK(sending.sender->written() == 5);
  CHECK(sending.all() == "[a=1 b=1 ][c=1 d=1 ][e=1 ]");
}

TEST_CASE("nothing to send asks nothing") {
  Sending sending({"OK count=0 ver=1\n"});
  CHECK(sending.sender->finish());
  CHECK(sending.all() == "");
}

TEST_CASE("a large batch ends early, and a full pipeline is sent without being told") {
  Sending sending({"OK count=1 ver=1\n"}, 1000);
  const std::string value(1'500'000, 'v');
  for (int i = 0; i < 4; ++i) REQUIRE(sending.sender->add("k", value, 1));
  CHECK(sending.sender->written() == 3);
  REQUIRE(sending.sender->finish());
  CHECK(sending.sender->written() == 4);
  const std::string one = "[k=" + value + " ]";
  CHECK(sending.all() == one + one + one + one);
}

TEST_CASE("a batch told to try later is sent again with all behind it, after longer waits") {
  Sending sending({"OK count=2 ver=2\n", kTryLater, "OK count=2 ver=4\n", kTryLater, kTryLater,
                   "OK count=2 ver=6\n"});
  for (const char* key : {"a", "b", "c", "d", "a", "f"}) REQUIRE(sending.sender->add(key, "1", 1));
  REQUIRE(sending.sender->finish());
  CHECK(sending.sender->written() == 6);
  // The third batch was taken in the first round; as it may hold newer values of the second's keys
  // it goes again behind it.
  CHECK(sending.all() ==
        "[a=1 b=1 ][c=1 d=1 ][a=1 f=1 ]"
        "[c=1 d=1 ][a=1 f=1 ][c=1 d=1 ][a=1 f=1 ]");
  CHECK(sending.waits == std::vector<std::int64_t>{25, 50});
}

TEST_CASE("a server that never has time is given up, with the lines in question") {
  Sending sending({kTryLater});
  REQUIRE(sending.sender->add("a", "1", 11));
  REQUIRE(sending.sender->add("b", "1", 12));
  const auto sent = sending.sender->finish();
  REQUIRE(!sent);
  CHECK(sent.error().code == Errc::kTryLater);
  CHECK(sent.error().context.find("lines 11 to 12: TRY_LATER") == 0);
  CHECK(sending.sender->written() == 0);
  CHECK(sending.waits.size() == 19);
  CHECK(sending.waits.back() == 2000);
}

TEST_CASE("what was written in front of a refusal is known") {
  Sending sending({"OK count=2 ver=2\n", "ERR NO_SPACE applied=no\n"});
  for (const char* key : {"a", "b", "c"}) REQUIRE(sending.sender->add(key, "1", 1));
  const auto sent = sending.sender->finish();
  REQUIRE(!sent);
  CHECK(sent.error().code == Errc::kNoSpace);
  CHECK(sending.sender->written() == 2);
}

TEST_CASE(
    "when the leader changes in a pipeline, what it refused and all behind goes to the new one") {
  std::string got;
  FakeServer leader({replying(got, {"OK count=2 ver=6\n"})});
  const std::string refusal = "ERR NOT_LEADER applied=no leader=" + leader.address() + " epoch=2\n";
  Sending sending({"OK count=2 ver=2\n", refusal, "OK count=2 ver=4\n"});
  for (const char* key : {"a", "b", "c", "d", "a", "f"}) REQUIRE(sending.sender->add(key, "1", 1));
  REQUIRE(sending.sender->finish());
  CHECK(sending.sender->written() == 6);
  CHECK(sending.all() == "[a=1 b=1 ][c=1 d=1 ][a=1 f=1 ]");
  leader.join();
  CHECK(got == "[c=1 d=1 ][a=1 f=1 ]");
}

TEST_CASE("a cluster without a leader is given up when the client has") {
  Sending sending({"ERR NOT_LEADER applied=no leader=-\n"});
  REQUIRE(sending.sender->add("a", "1", 11));
  const auto sent = sending.sender->finish();
  REQUIRE(!sent);
  CHECK(sent.error().code == Errc::kNotLeader);
  CHECK(sending.waits.empty());
}

TEST_CASE("a batch that no server takes is refused once") {
  Sending sending({"OK count=1 ver=1\n"}, 20'000);
  for (int i = 0; i <= 10'000; ++i) REQUIRE(sending.sender->add("k", "1", 1));
  const auto sent = sending.sender->finish();
  REQUIRE(!sent);
  CHECK(sent.error().code == Errc::kInvalidArgument);
  CHECK(sending.waits.empty());
  CHECK(sending.all().empty());
}

TEST_CASE("whether the leader's disk alone has the last batch is known") {
  WriteOptions local;
  local.ack = Ack::kLocal;
  const std::vector<std::string> replies = {"OK count=2 ver=2 ack=local epoch=7\n",
                                            "OK count=2 ver=3 ack=local epoch=7\n",
                                            "OK count=2 ver=4\n"};
  Sending sending(replies, 2, local);
  const auto send = [&] {
    REQUIRE(sending.sender->add("a", "1", 1));
    REQUIRE(sending.sender->finish());
  };
  CHECK(!sending.sender->local_ack());
  send();
  send();
  REQUIRE(sending.sender->local_ack());
  CHECK(sending.sender->local_ack()->version == 3);
  CHECK(sending.sender->local_ack()->epoch == 7);
  send();
  CHECK(!sending.sender->local_ack());
}
