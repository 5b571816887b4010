#include "protocol/receive_buffer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <doctest/doctest.h>

using kv::protocol::ReceiveBuffer;

namespace {

// As much of `bytes` as fits into the space that is given.
std::size_t feed(ReceiveBuffer& buffer, std::string_view bytes, std::size_t wanted = 0) {
  const auto space = buffer.space(wanted);
  REQUIRE_FALSE(space.empty());
  const std::size_t size = std::min(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), size);
  buffer.commit(size);
  return size;
}

void feed_all(ReceiveBuffer& buffer, std::string_view bytes, std::size_t wanted = 0) {
  while (!bytes.empty()) bytes.remove_prefix(feed(buffer, bytes, wanted));
}

}  // namespace

TEST_CASE("bytes come out as they went in, however they are consumed") {
  ReceiveBuffer buffer;
  std::string expected;
  for (int round = 0; round < 1000; ++round) {
    const std::string piece(static_cast<std::size_t>(round * 7 % 3000),
                            static_cast<char>('a' + round % 26));
    feed_all(buffer, piece);
    expected += piece;
    REQUIRE(buffer.bytes() == expected);
    const std::size_t used = expected.size() * static_cast<std::size_t>(round % 4) / 3;
    const std::size_t gone = std::min(used, expected.size());
    buffer.consume(gone);
    expected.erase(0, gone);
  }
  CHECK(buffer.capacity() <= 64 * 1024);
}

TEST_CASE("memory grows with what came, not with what is wanted") {
  ReceiveBuffer buffer;
  constexpr std::size_t kWanted = 64 * 1024 * 1024;
  CHECK(buffer.space(kWanted).size() <= 32 * 1024);
  const std::string chunk(1000, 'x');
  for (std::size_t came = 0; came < 1'000'000; came += chunk.size()) {
    feed_all(buffer, chunk, kWanted);
    REQUIRE(buffer.capacity() <= 2 * (came + 32 * 1024));
  }
}

TEST_CASE("a large request gets exactly the memory it takes, and nothing behind it") {
  ReceiveBuffer buffer;
  constexpr std::size_t kWanted = 1'000'003;
  feed_all(buffer, std::string(50, 'h'));
  buffer.consume(20);  // a request before it
  const std::string bytes(2 * kWanted, 'v');
  while (buffer.bytes().size() < kWanted) feed(buffer, bytes, kWanted);
  CHECK(buffer.bytes().size() == kWanted);
  CHECK(buffer.capacity() == kWanted);
}

TEST_CASE("memory that is handed over keeps its bytes in place and leaves the rest") {
  ReceiveBuffer buffer;
  feed_all(buffer, std::string(100'000, 'a') + "rest");
  const char* before = buffer.bytes().data();
  const auto owner = buffer.release(100'000);
  CHECK(buffer.bytes() == "rest");
  feed_all(buffer, std::string(100'000, 'b'));
  CHECK(std::string_view(before, 100'000) == std::string(100'000, 'a'));
  CHECK(owner.use_count() == 1);
}

TEST_CASE("bytes can be taken out of the middle") {
  ReceiveBuffer buffer;
  feed_all(buffer, "xabcdef");
  buffer.consume(1);
  buffer.erase(2, 3);
  CHECK(buffer.bytes() == "abf");
  buffer.erase(2, 1);
  CHECK(buffer.bytes() == "ab");
  feed_all(buffer, "c");
  CHECK(buffer.bytes() == "abc");
}

TEST_CASE("an empty buffer gives back what it grew by") {
  ReceiveBuffer buffer;
  const std::string bytes(3'000'000, 'x');
  feed_all(buffer, bytes);
  CHECK(buffer.capacity() >= bytes.size());
  buffer.consume(bytes.size());
  CHECK_FALSE(buffer.space(0).empty());
  CHECK(buffer.capacity() <= 32 * 1024);
}
