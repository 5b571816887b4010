#include <doctest/doctest.h>

#include "kv/client.h"
#include "support/fake_server.h"

using namespace kv;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

// A server that answers one RANGE after the other on one connection, and a client of it.
struct Paging {
  explicit Paging(std::vector<std::string> replies, bool is_bytewise = false)
      : server({[this, replies, is_bytewise](Talk& talk) {
          for (const std::string& reply : replies) {
            const std::string line = talk.read_line();
            asked += line + talk.read(payload_of(line));
            is_bytewise ? talk.say_bytewise(reply) : talk.say(reply);
          }
          talk.read_to_end();
        }}) {
    ClientOptions options;
    options.address = server.address();
    options.timeout = 10s;
    client.emplace(std::move(*Client::connect(options)));
  }

  // Sum of the first two numbers of "RANGE s e ...".
  static std::size_t payload_of(const std::string& line) {
    const std::size_t second = line.find(' ', 6);
    return std::stoul(line.substr(6)) + std::stoul(line.substr(second + 1));
  }

  Result<std::uint64_t> read(const RangeOptions& options) {
    return client->range(options, [&](Item& item) {
      items += item.key + "=" + item.value + "@" + std::to_string(item.version) + " ";
      return items.size() < stop_at;
    });
  }
  std::string all_asked() {
    client.reset();
    server.join();
    return asked;
  }

  std::string asked;
  std::string items;
  std::size_t stop_at = SIZE_MAX;
  FakeServer server;
  std::optional<Client> client;
};

}  // namespace

TEST_CASE("a range goes on behind the last key of each page until there is no more") {
  bool is_bytewise = false;
  SUBCASE("whole") {}
  SUBCASE("byte by byte") { is_bytewise = true; }
  Paging paging({"ITEM 1 2 ver=1\naxx\nITEM 1 0 ver=2\nb\nEND 2 more=1\n",
                 "ITEM 1 1 ver=3\ncz\nEND 1 more=0\n"},
                is_bytewise);
  RangeOptions options;
  options.start = "a";
  options.end = "x";
  CHECK(paging.read(options) == 3u);
  CHECK(paging.items == "a=xx@1 b=@2 c=z@3 ");
  CHECK(paging.all_asked() ==
        std::string("RANGE 1 1 limit=10000\naxRANGE 2 1 limit=10000\nb\0x", 49));
}

TEST_CASE("in reverse a range goes on in front of the last key") {
  Paging paging({"KEY 1\nc\nKEY 1\nb\nEND 2 more=1\n", "KEY 1\na\nEND 1 more=0\n"});
  RangeOptions options;
  options.is_reverse = true;
  options.is_keys_only = true;
  CHECK(paging.read(options) == 3u);
  CHECK(paging.items == "c=@0 b=@0 a=@0 ");
  CHECK(paging.all_asked() ==
        "RANGE 0 0 limit=10000 rev=1 keys=1\nRANGE 0 1 limit=10000 rev=1 keys=1\nb");
}

TEST_CASE("a limit is for the whole range, not for a page") {
  Paging paging({"KEY 1\na\nKEY 1\nb\nEND 2 more=1\n", "KEY 1\nc\nEND 1 more=1\n"});
  RangeOptions options;
  options.limit = 3;
  CHECK(paging.read(options) == 3u);
  CHECK(paging.all_asked() == std::string("RANGE 0 0 limit=3\nRANGE 2 0 limit=1\nb\0", 38));
}

TEST_CASE("a byte budget is for the whole range") {
  Paging paging(
      {"ITEM 1 9 ver=1\na123456789\nEND 1 more=1\n", "ITEM 1 9 ver=1\nb123456789\nEND 1 more=1\n"});
  RangeOptions options;
  options.bytes_max = 15;
  CHECK(paging.read(options) == 2u);
  CHECK(paging.all_asked() == std::string("RANGE 0 0 limit=10000 max_bytes=15\n"
                                          "RANGE 2 0 limit=10000 max_bytes=5\na\0",
                                          71));
}

TEST_CASE("an empty range or limit asks nothing") {
  Paging paging({});
  RangeOptions options;
  SUBCASE("no items wanted") { options.limit = 0; }
  SUBCASE("ends where it starts") { options.start = options.end.emplace("k"); }
  SUBCASE("an end before every key, which is not the same as none") { options.end = ""; }
  CHECK(paging.read(options) == 0u);
  CHECK(paging.all_asked().empty());
}

TEST_CASE("a page that promises more and gives nothing ends the range") {
  Paging paging({"END 0 more=1\n"});
  CHECK(paging.read({}) == 0u);
}

TEST_CASE("a visitor that has enough ends the range, and the client goes on with another") {
  FakeServer server({[](Talk& talk) {
                       talk.read_line();
                       talk.say("KEY 1\na\nKEY 1\nb\nEND 2 more=1\n");
                       talk.read_to_end();
                     },
                     [](Talk& talk) {
                       talk.read_line();
                       talk.say("OK\n");
                     }});
  ClientOptions options;
  options.address = server.address();
  auto client = Client::connect(options);
  REQUIRE(client);
  CHECK(client->range({}, [](Item&) { return false; }) == 1u);
  CHECK(client->ping());
}

TEST_CASE("a range that breaks off is told, never taken for its end") {
  std::string reply = "KEY 1\na\n";
  Errc expected = Errc::kUnavailable;
  SUBCASE("the connection ends") {}
  SUBCASE("the server gives up") {
    reply += "ERR ABORTED applied=no :the snapshot is gone\n";
    expected = Errc::kServer;
  }
  SUBCASE("damage") {
    reply += "ERR CORRUPT applied=no segment=3\n";
    expected = Errc::kCorruption;
  }
  SUBCASE("nonsense") {
    reply += "VALUE 1\nx\n";
    expected = Errc::kProtocol;
  }
  FakeServer server({[&](Talk& talk) {
    talk.read_line();
    talk.say(reply);
  }});
  ClientOptions options;
  options.address = server.address();
  auto client = Client::connect(options);
  REQUIRE(client);
  const auto count = client->range({}, [](Item&) { return true; });
  REQUIRE(!count);
  CHECK(count.error().code == expected);
}

TEST_CASE("a range that breaks off goes on at another server, behind the last item that is whole") {
  std::string rest;
  SUBCASE("between two items") {}
  SUBCASE("in the line of an item") { rest = "ITEM 1 "; }
  SUBCASE("in a value") { rest = "ITEM 1 3 ver=2\nbx"; }
  SUBCASE("in front of the line feed behind a value") { rest = "ITEM 1 1 ver=2\nbx"; }
  SUBCASE("at another leader's election") { rest = "ERR NOT_LEADER applied=no leader=-\n"; }
  std::string asked;
  FakeServer second({[&](Talk& talk) {
    const std::string line = talk.read_line();
    asked = line + talk.read(Paging::payload_of(line));
    talk.say("ITEM 1 1 ver=2\nby\nEND 1 more=0\n");
  }});
  FakeServer first({[&](Talk& talk) {
    talk.read_line();
    talk.say("ITEM 1 1 ver=1\nax\n" + rest);
  }});
  ClientOptions options;
  options.address = first.address() + "," + second.address();
  auto client = Client::connect(options);
  REQUIRE(client);
  std::string items;
  CHECK(client->range({}, [&](Item& item) {
    items += item.key + "=" + item.value + " ";
    return true;
  }) == 2u);
  CHECK(items == "a=x b=y ");
  second.join();
  CHECK(asked == std::string("RANGE 2 0 limit=10000\na\0", 24));
}

TEST_CASE("a range goes to the leader that a server names") {
  FakeServer leader({[](Talk& talk) {
    talk.read_line();
    talk.say("KEY 1\na\nEND 1 more=0\n");
    talk.read_to_end();
  }});
  Paging paging({"ERR NOT_LEADER applied=no leader=" + leader.address() + " epoch=1\n"});
  CHECK(paging.read({}) == 1u);
  CHECK(paging.items == "a=@0 ");
  CHECK(!paging.client->last_server_error());
}

TEST_CASE("a range that gets on nowhere ends, and what it got stays got") {
  FakeServer server({[](Talk& talk) {
    talk.read_line();
    talk.say("KEY 1\na\nERR NOT_LEADER applied=no leader=-\n");
    talk.read_to_end();
  }});
  ClientOptions options;
  options.address = server.address();
  options.retry_for = 20ms;  // shorter than the shortest wait
  auto client = Client::connect(options);
  REQUIRE(client);
  std::string items;
  const auto count = client->range({}, [&](Item& item) {
    items += item.key;
    return true;
  });
  REQUIRE(!count);
  CHECK(count.error().code == Errc::kNotLeader);
  CHECK(items == "a");
}
