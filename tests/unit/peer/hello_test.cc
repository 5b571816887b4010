#include "peer/hello.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
using kv::raft::NodeId;

Hello some_hello() {
  return {.cluster_id = {0xc0c1c2c3c4c5c6c7, 0xc8c9cacbcccdcecf},
          .node_id = NodeId{1},
          .node_uuid = {0x1111, 0x11},
          .to = NodeId{2},
          .last = {3, 42, 0x0102030405060708},
          .floor = 7,
          .commit = 40,
          .address = "a:17400"};
}
std::string payload_of(const Hello& hello) {
  Gather out;
  append_hello(out, hello);
  return out.joined().substr(kFrameHeaderSize);
}
template <class Change>
bool is_refused(Change change) {
  Hello hello = some_hello();
  change(hello);
  const auto decoded = decode_hello(payload_of(hello));
  if (!decoded) CHECK(decoded.error().fault == Fault::kMalformed);
  return !decoded;
}

}  // namespace

TEST_CASE("the frames of a greeting have their golden bytes") {
  Gather out;
  append_hello(out, some_hello());
  Hello answer = some_hello();
  answer.node_id = NodeId{2};
  answer.node_uuid = {0x2222, 0x22};
  answer.to = NodeId{1};
  answer.address.clear();
  append_hello_ok(out, answer);
  append_goodbye(out, {Reason::kOtherNode, "this is node 3"});
  CHECK(kv::test::golden_difference("peer-hello.hex", out.joined()) == "");
  const auto read = kv::test::read_frames(kv::test::load_golden("peer-hello.hex"));
  REQUIRE(read.frames.size() == 3);
  CHECK(decode_hello(read.frames[0].payload).value() == some_hello());
  CHECK(decode_hello(read.frames[1].payload).value() == answer);
  CHECK(decode_goodbye(read.frames[2].payload).value() ==
        Goodbye{Reason::kOtherNode, "this is node 3"});
}

TEST_CASE("a hello without a name, a cluster or a version is malformed") {
  CHECK_FALSE(is_refused([](Hello& hello) { hello.to = kv::raft::kNoNode; }));
  CHECK(is_refused([](Hello& hello) { hello.cluster_id = {}; }));
  CHECK(is_refused([](Hello& hello) { hello.node_uuid = {}; }));
  CHECK(is_refused([](Hello& hello) { hello.node_id = kv::raft::kNoNode; }));
  CHECK(is_refused([](Hello& hello) { hello.version_min = 0; }));
  CHECK(is_refused([](Hello& hello) { hello.version_min = kProtocolVersion + 1; }));
  CHECK_FALSE(is_refused([](Hello& hello) { hello.address.clear(); }));
  CHECK(is_refused([](Hello& hello) { hello.address = "a"; }));
  CHECK(is_refused([](Hello& hello) { hello.address = "a 7:1"; }));
  std::string payload = payload_of(some_hello());
  payload[5] = 1;
  CHECK_FALSE(decode_hello(payload));
  CHECK_FALSE(decode_hello(payload_of(some_hello()) + '\0'));
  CHECK_FALSE(decode_hello(payload_of(some_hello()).substr(1)));
}

TEST_CASE("the highest version that both speak is spoken") {
  Hello hello = some_hello();
  CHECK(common_version(hello) == kProtocolVersion);
  hello.version_max = 9;
  CHECK(common_version(hello) == kProtocolVersion);
  hello.version_min = kProtocolVersion + 1;
  CHECK_FALSE(common_version(hello));
}

TEST_CASE("a goodbye of a later version is read, and a long one cut") {
  Gather out;
  append_goodbye(out, {static_cast<Reason>(999), std::string(10'000, 'x')});
  const auto read = kv::test::read_frames(out.joined());
  REQUIRE(read.frames.size() == 1);
  const auto goodbye = decode_goodbye(read.frames[0].payload);
  REQUIRE(goodbye);
  CHECK(std::string(name_of(goodbye->reason)) == "unknown");
  CHECK(goodbye->text == std::string(500, 'x'));
}
