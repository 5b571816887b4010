#include "peer/frame_reader.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
using kv::test::framed;
using kv::test::read_frames;
using kv::test::Reading;

Fault fault_of(const std::string& bytes) {
  const Reading reading = read_frames(bytes);
  REQUIRE(reading.error.has_value());
  return reading.error->fault;
}

void check_same(const Reading& a, const Reading& b) {
  REQUIRE_FALSE(a.error.has_value());
  REQUIRE(a.frames.size() == b.frames.size());
  for (std::size_t i = 0; i < a.frames.size(); ++i) {
    CHECK(a.frames[i].type == b.frames[i].type);
    CHECK(a.frames[i].payload == b.frames[i].payload);
  }
}

}  // namespace

TEST_CASE("wherever the bytes are cut, the frames are the same") {
  const std::string bytes =
      kv::test::load_golden("peer-hello.hex") + kv::test::load_golden("peer-append.hex");
  const Reading whole = read_frames(bytes);
  REQUIRE(whole.frames.size() == 5);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); second += 7) {
      CAPTURE(first);
      CAPTURE(second);
      check_same(read_frames(bytes, {first, second}), whole);
    }
  }
  std::vector<std::size_t> each_byte;
  for (std::size_t at = 1; at < bytes.size(); ++at) each_byte.push_back(at);
  check_same(read_frames(bytes, each_byte), whole);
}

TEST_CASE("a frame that is on its way tells its type, and what has come of it") {
  const std::string bytes = framed(FrameType::kAppend, std::string(100, 'a'));
  FrameReader reader;
  CHECK_FALSE(reader.begun().has_value());
  std::string_view head = std::string_view(bytes).substr(0, kFrameHeaderSize - 1);
  CHECK_FALSE(reader.take(head)->has_value());
  CHECK_FALSE(reader.begun().has_value());
  std::string_view more = std::string_view(bytes).substr(kFrameHeaderSize - 1, 31);
  CHECK_FALSE(reader.take(more)->has_value());
  REQUIRE(reader.begun().has_value());
  CHECK(reader.begun()->type == FrameType::kAppend);
  CHECK(reader.begun()->payload == std::string(30, 'a'));
  std::string_view rest = std::string_view(bytes).substr(kFrameHeaderSize + 30);
  CHECK(reader.take(rest)->has_value());
  CHECK_FALSE(reader.begun().has_value());
}

TEST_CASE("a connection may end between frames only") {
  const std::string bytes = framed(FrameType::kReadRequest, std::string(32, 'x'));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    FrameReader reader;
    Reading reading;
    kv::test::feed(reader, std::string_view(bytes).substr(0, size), reading);
    CHECK(reader.is_between_frames() == (size == 0 || size == bytes.size()));
  }
}

TEST_CASE("who speaks another protocol is told at the first byte that differs") {
  CHECK(fault_of("G") == Fault::kNotThisProtocol);
  CHECK(fault_of("KVP2") == Fault::kNotThisProtocol);
  CHECK_FALSE(read_frames("KVP").error.has_value());
}

TEST_CASE("every flipped bit of a frame is found, and nothing is read after it") {
  const std::string bytes = framed(FrameType::kReadRequest, std::string(32, 'x'));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    CAPTURE(bit);
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    FrameReader reader;
    Reading reading;
    kv::test::feed(reader, damaged, reading);
    REQUIRE(reading.error.has_value());
    CHECK(reading.frames.empty());
    std::string_view more = bytes;
    const auto after = reader.take(more);
    REQUIRE_FALSE(after);
    CHECK(after.error().fault == reading.error->fault);
    CHECK(reader.held() < 100);
  }
}

TEST_CASE("a promised size costs no memory before its bytes are there") {
  char head[kFrameHeaderSize];
  encode_frame_header({FrameType::kAppend, kPayloadSizeMax, 0}, head);
  FrameReader reader;
  Reading reading;
  kv::test::feed(reader, {head, sizeof head}, reading);
  CHECK_FALSE(reading.error.has_value());
  CHECK(reader.held() <= 64 * 1024);
  kv::test::feed(reader, std::string(1024 * 1024, 'x'), reading);
  CHECK(reader.held() <= 2 * 1024 * 1024);
}
