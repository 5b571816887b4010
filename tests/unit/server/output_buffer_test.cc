#include "server/output_buffer.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "support/seed.h"

using kv::server::OutputBuffer;

namespace {

std::string joined(const OutputBuffer& buffer) {
  std::vector<std::string_view> pieces;
  buffer.gather(pieces);
  std::string all;
  for (const std::string_view piece : pieces) all += piece;
  return all;
}

}  // namespace

TEST_CASE("a large block keeps its memory, small ones share one piece") {
  OutputBuffer buffer;
  buffer.text() += "head ";
  std::string large(100'000, 'x');
  const char* memory = large.data();
  buffer.append(std::move(large));
  buffer.text() += "tail";
  buffer.append("end");
  std::vector<std::string_view> pieces;
  buffer.gather(pieces);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0] == "head ");
  CHECK(pieces[1].data() == memory);
  CHECK(pieces[2] == "tailend");
  CHECK(buffer.size() == 5 + 100'000 + 7);
}

TEST_CASE("a gather write takes so many pieces and no more") {
  OutputBuffer buffer;
  for (int i = 0; i < 200; ++i) buffer.append(std::string(20'000, static_cast<char>('a' + i % 26)));
  std::vector<std::string_view> pieces;
  buffer.gather(pieces);
  CHECK(pieces.size() == OutputBuffer::kPiecesMax);
  buffer.consume(64 * 20'000);
  buffer.gather(pieces);
  REQUIRE(pieces.size() == 64);
  CHECK(pieces[0][0] == static_cast<char>('a' + 64 % 26));
}

TEST_CASE("what goes in comes out, however it is taken") {
  const std::uint64_t seed = kv::test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  OutputBuffer buffer;
  std::string expected;
  std::string taken;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t size = random() % (random() % 10 == 0 ? 50'000 : 200);
    const std::string bytes(size, static_cast<char>(random()));
    if (random() % 2 == 0) {
      buffer.text() += bytes;
    } else {
      buffer.append(bytes);
    }
    expected += bytes;
    REQUIRE(buffer.size() == expected.size() - taken.size());
    REQUIRE(buffer.empty() == (expected.size() == taken.size()));
    if (random() % 3 != 0) continue;
    const std::string ready = joined(buffer);
    const std::size_t part = ready.empty() ? 0 : random() % (ready.size() + 1);
    taken += ready.substr(0, part);
    buffer.consume(part);
  }
  while (!buffer.empty()) {
    const std::string ready = joined(buffer);
    taken += ready;
    buffer.consume(ready.size());
  }
  CHECK((taken == expected));
}
