// Every conformance vector through sockets, against a real store.

#include <filesystem>

#include <doctest/doctest.h>

#include "protocol/vector_file.h"
#include "support/running_server.h"

using kv::protocol::VectorCase;
using kv::test::Peer;
using kv::test::RunningServer;

namespace {

std::string converse(const RunningServer& running, const VectorCase& vector, std::size_t part) {
  Peer peer = running.connect();
  for (std::size_t at = 0; at < vector.sent.size(); at += part) {
    // A server that has heard enough closes; what it said before is still there to be read.
    if (!peer.try_send(std::string_view(vector.sent).substr(at, part))) break;
  }
  if (vector.then == VectorCase::Then::kOpen) peer.send(kv::protocol::kProbe);
  if (vector.then == VectorCase::Then::kOpen || vector.ends_input) peer.half_close();
  return peer.read_to_end();
}

void check(const RunningServer& running, const VectorCase& vector, std::size_t part) {
  const std::string name = vector.file + ": " + vector.title;
  CAPTURE(name);
  CAPTURE(part);
  std::string answer = converse(running, vector, part);
  if (vector.then == VectorCase::Then::kOpen) {
    REQUIRE(answer.ends_with(kv::protocol::kProbeReply));
    answer.resize(answer.size() - kv::protocol::kProbeReply.size());
  }
  const auto difference = kv::protocol::mismatch(vector.expected, answer);
  CHECK_MESSAGE(!difference, difference.value_or(""));
}

}  // namespace

TEST_CASE("every vector gets its answer through a socket") {
  const auto vectors =
      kv::protocol::load_vectors(std::filesystem::path(KV_SOURCE_DIR) / "protocol/vectors");
  REQUIRE_MESSAGE(vectors, kv::describe(vectors.error()));
  kv::Options store_options;
  store_options.sync = kv::Sync::kNone;
  const RunningServer running({}, store_options);
  for (const VectorCase& vector : *vectors) {
    check(running, vector, SIZE_MAX / 2);
    if (vector.sent.size() < 1'000) check(running, vector, 1);
  }
  CHECK(running.stat("keys") == 0);
}
