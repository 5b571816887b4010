// Every conformance vector through a conversation; tests/integration has the same through sockets.

#include <algorithm>
#include <filesystem>
#include <random>

#include <doctest/doctest.h>

#include "protocol/vector_file.h"
#include "support/seed.h"
#include "support/talk.h"

using kv::protocol::VectorCase;
using kv::test::Talk;

namespace {

std::vector<VectorCase> vectors() {
  auto loaded =
      kv::protocol::load_vectors(std::filesystem::path(KV_SOURCE_DIR) / "protocol/vectors");
  REQUIRE_MESSAGE(loaded, kv::describe(loaded.error()));
  REQUIRE(loaded->size() > 20);
  return std::move(*loaded);
}

// send(talk, bytes) brings the bytes in, in one way or another.
template <class Send>
void check(const VectorCase& vector, Send send) {
  const std::string name = vector.file + ": " + vector.title;
  CAPTURE(name);
  Talk talk;
  send(talk, vector.sent);
  if (vector.ends_input) talk.end_input();
  CHECK(talk.is_open() == (vector.then == VectorCase::Then::kOpen));
  std::string answer = talk.take();
  if (vector.then == VectorCase::Then::kOpen) {
    CHECK(talk.ask(kv::protocol::kProbe) == kv::protocol::kProbeReply);
  }
  const auto difference = kv::protocol::mismatch(vector.expected, answer);
  CHECK_MESSAGE(!difference, difference.value_or(""));
}

}  // namespace

TEST_CASE("every vector gets its answer, sent whole") {
  for (const VectorCase& vector : vectors()) {
    check(vector, [](Talk& talk, std::string_view bytes) { talk.send(bytes); });
  }
}

TEST_CASE("every vector gets its answer, sent byte by byte") {
  for (const VectorCase& vector : vectors()) {
    if (!vector.is_bytewise()) continue;
    check(vector, [](Talk& talk, std::string_view bytes) { talk.send(bytes, 1); });
  }
}

TEST_CASE("every vector gets its answer, split at random, with acknowledgements that come late") {
  const std::uint64_t seed = kv::test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const VectorCase& vector : vectors()) {
    const std::size_t part_max = std::max<std::size_t>(vector.sent.size() / 4, 16);
    check(vector, [&](Talk& talk, std::string_view bytes) {
      talk.backend.acknowledges_at_flush = false;
      while (!bytes.empty()) {
        const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random() % part_max);
        talk.send(bytes.substr(0, size));
        bytes.remove_prefix(size);
        if (random() % 4 == 0) talk.acknowledge_all();
      }
      while (talk.backend.unacknowledged() > 0) talk.acknowledge_all();
      talk.backend.acknowledges_at_flush = true;
    });
  }
}
