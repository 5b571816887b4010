#include "client/reply_reader.h"

#include <doctest/doctest.h>

#include "support/fake_server.h"

using namespace kv;
using client::ReplyReader;
using client::Socket;
using protocol::ReplyLine;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

// A server that says `bytes`, whole or one by one, and the reader of them.
struct Saying {
  explicit Saying(std::string bytes, bool is_bytewise = false)
      : server({[=](Talk& talk) { is_bytewise ? talk.say_bytewise(bytes) : talk.say(bytes); }}),
        socket(std::move(*Socket::connect(server.address(), 10s))) {}

  FakeServer server;
  Socket socket;
  ReplyReader reader{10s};
};

Error error_in(std::string_view line) {
  return client::error_of(*protocol::parse_reply_line(line));
}

}  // namespace

TEST_CASE("lines and payloads are told apart however they are split") {
  bool is_bytewise = false;
  SUBCASE("whole") {}
  SUBCASE("byte by byte") { is_bytewise = true; }
  Saying saying("OK ver=1\nVALUE 4 ver=2\na\nb\n\nITEM 1 2 ver=3\nkvv\nEND 1 more=0\n",
                is_bytewise);
  std::string bytes;
  auto line = saying.reader.line(saying.socket);
  REQUIRE(line);
  CHECK(line->kind == ReplyLine::Kind::kOk);
  CHECK(line->fields == "ver=1");
  line = saying.reader.line(saying.socket);
  REQUIRE(line);
  REQUIRE(line->kind == ReplyLine::Kind::kValue);
  REQUIRE(saying.reader.payload(saying.socket, line->size1, bytes));
  CHECK(bytes == "a\nb\n");
  CHECK(saying.reader.end_of_payload(saying.socket));
  line = saying.reader.line(saying.socket);
  REQUIRE(line);
  REQUIRE(line->kind == ReplyLine::Kind::kItem);
  REQUIRE(saying.reader.payload(saying.socket, 1, bytes));
  CHECK(bytes == "k");
  REQUIRE(saying.reader.payload(saying.socket, 2, bytes));
  CHECK(bytes == "vv");
  CHECK(saying.reader.end_of_payload(saying.socket));
  line = saying.reader.line(saying.socket);
  REQUIRE(line);
  CHECK(line->kind == ReplyLine::Kind::kEnd);
  CHECK(!saying.reader.has_input());
}

TEST_CASE("a payload of any size around the buffer's comes whole and leaves what is behind it") {
  for (const std::size_t size : {0u, 1u, 65534u, 65535u, 65536u, 65537u, 131072u, 1000003u}) {
    CAPTURE(size);
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 7 >> 2);
    Saying saying("VALUE " + std::to_string(size) + "\n" + value + "\nNOT_FOUND\n");
    std::string bytes = "what was there before";
    REQUIRE(saying.reader.line(saying.socket));
    REQUIRE(saying.reader.payload(saying.socket, size, bytes));
    CHECK((bytes == value));
    CHECK(saying.reader.end_of_payload(saying.socket));
    const auto line = saying.reader.line(saying.socket);
    REQUIRE(line);
    CHECK(line->kind == ReplyLine::Kind::kNotFound);
  }
}

TEST_CASE("what is no reply is told as such, with a printable excerpt") {
  Saying saying("SSH-2.0-Open\x01SSH\r\n");
  const auto line = saying.reader.line(saying.socket);
  REQUIRE(!line);
  CHECK(line.error().code == Errc::kProtocol);
  CHECK(line.error().context == "\"SSH-2.0-Open?SSH?\" from " + saying.socket.address() +
                                    " is no reply of a kv server; is it the address of one?");
}

TEST_CASE("a listener of Redis's protocol is known by its replies") {
  Saying saying("$-1\r\n");
  const auto line = saying.reader.line(saying.socket);
  REQUIRE(!line);
  CHECK(line.error().context.starts_with("\"$-1?\" from 127.0.0.1:"));
  CHECK(line.error().context.ends_with("connect to the address that the server calls native"));
}

TEST_CASE("a line without an end is given up, not collected") {
  Saying saying(std::string(1'000'000, 'x'));
  const auto line = saying.reader.line(saying.socket);
  REQUIRE(!line);
  CHECK(line.error().code == Errc::kProtocol);
}

TEST_CASE("a payload with something else than LF behind it is out of step") {
  Saying saying("VALUE 1\nab\n");
  std::string bytes;
  REQUIRE(saying.reader.line(saying.socket));
  REQUIRE(saying.reader.payload(saying.socket, 1, bytes));
  const auto end = saying.reader.end_of_payload(saying.socket);
  REQUIRE(!end);
  CHECK(end.error().code == Errc::kProtocol);
}

TEST_CASE("an end in the middle of a line or payload is a lost connection") {
  SUBCASE("line") {
    Saying saying("VALUE");
    CHECK(saying.reader.line(saying.socket).error().code == Errc::kUnavailable);
  }
  SUBCASE("payload, on whose length's word no memory is taken") {
    Saying saying("VALUE 9999999999\nabc");
    std::string bytes;
    REQUIRE(saying.reader.line(saying.socket));
    CHECK(saying.reader.payload(saying.socket, 9'999'999'999, bytes).error().code ==
          Errc::kUnavailable);
    CHECK(bytes.capacity() < 1'000'000);
  }
}

TEST_CASE("each ERR code is the Errc a caller can act on") {
  CHECK(error_in("ERR CONFLICT applied=no ver=3").code == Errc::kConflict);
  CHECK(error_in("ERR CORRUPT applied=no").code == Errc::kCorruption);
  CHECK(error_in("ERR NO_SPACE applied=no").code == Errc::kNoSpace);
  CHECK(error_in("ERR READ_ONLY applied=no").code == Errc::kReadOnly);
  CHECK(error_in("ERR NOT_LEADER applied=no leader=-").code == Errc::kNotLeader);
  for (const char* code : {"TRY_LATER", "LOADING", "SHUTTING_DOWN"}) {
    CHECK(error_in(std::string("ERR ") + code + " applied=no").code == Errc::kTryLater);
  }
  for (const char* code :
       {"BAD_ARG", "EMPTY_KEY", "KEY_TOO_LARGE", "VALUE_TOO_LARGE", "BATCH_TOO_LARGE"}) {
    CHECK(error_in(std::string("ERR ") + code + " applied=no").code == Errc::kInvalidArgument);
  }
  CHECK(error_in("ERR INTERNAL applied=no").code == Errc::kServer);
  CHECK(error_in("ERR FROM_THE_FUTURE applied=no").code == Errc::kServer);
  CHECK(error_in("ERR UNKNOWN_OUTCOME applied=maybe").code == Errc::kUnknownOutcome);
  CHECK(error_in("ERR INTERNAL applied=maybe").code == Errc::kUnknownOutcome);
  CHECK(error_in("ERR CONFLICT applied=no ver=3 :not 2").context == "CONFLICT ver=3: not 2");
}

TEST_CASE("the codes behind which a server closes are known") {
  const auto is_last = [](std::string_view line) {
    return client::is_last_reply(*protocol::parse_reply_line(line));
  };
  CHECK(is_last("ERR SHUTTING_DOWN applied=no"));
  CHECK(is_last("ERR BAD_HEADER applied=no"));
  CHECK(is_last("ERR TRY_LATER applied=no retry_ms=25 reason=connections"));
  CHECK(!is_last("ERR TRY_LATER applied=no retry_ms=25 reason=memory"));
  CHECK(!is_last("ERR CONFLICT applied=no ver=1"));
}
