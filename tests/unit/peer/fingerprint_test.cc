#include "peer/fingerprint.h"

#include <string>

#include <doctest/doctest.h>

#include "base/endian.h"
#include "tests/support/peer_frames.h"

using namespace kv::peer;
using kv::format::StateFingerprint;
using kv::raft::NodeId;

namespace {

const Envelope kBack{NodeId{2}, NodeId{1}, 4};

Fingerprint some() {
  auto state = std::make_shared<StateFingerprint>();
  state->keys = 3;
  state->sums.front() = 17;
  state->sums.back() = UINT64_MAX;
  return {kBack, 42, Fingerprint::Wish::kCompare, 0, 0, state};
}

template <class Append, class T>
Frame frame_of(FrameType type, Append append, const T& one) {
  Gather out;
  append(out, one);
  return {type, out.joined().substr(kFrameHeaderSize)};
}
Frame frame_of(const Fingerprint& one) {
  return frame_of(FrameType::kFingerprint, append_fingerprint, one);
}
Frame frame_of(const FingerprintReply& one) {
  return frame_of(FrameType::kFingerprintReply, append_fingerprint_reply, one);
}

void check_refused(const Frame& frame) {
  const auto decoded = decode_fingerprint(frame);
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().fault == Fault::kMalformed);
}

}  // namespace

TEST_CASE("a fingerprint comes as it was sent") {
  Fingerprint sent = some();
  SUBCASE("to be compared") {}
  SUBCASE("to begin anew") {
    sent.wish = Fingerprint::Wish::kBeginAnew;
    sent.last = 50;
    sent.stop = 7;
  }
  const auto frame = decode_fingerprint(frame_of(sent));
  REQUIRE(frame.has_value());
  CHECK(frame->envelope() == kBack);
  const auto& got = std::get<Fingerprint>(frame->body);
  CHECK(got.sequence == 42);
  CHECK(got.wish == sent.wish);
  CHECK(got.last == sent.last);
  CHECK(got.stop == sent.stop);
  CHECK(*got.state == *sent.state);
}

TEST_CASE("a verdict comes as it was sent") {
  using Verdict = FingerprintReply::Verdict;
  FingerprintReply sent{kBack, 42, Verdict::kSame, 0, 0};
  SUBCASE("the same") {}
  SUBCASE("differs") { sent.verdict = Verdict::kDiffers; }
  SUBCASE("released") {
    sent.verdict = Verdict::kReleased;
    sent.last = 50;
    sent.stop = 7;
  }
  const auto frame = decode_fingerprint(frame_of(sent));
  REQUIRE(frame.has_value());
  CHECK(std::get<FingerprintReply>(frame->body) == sent);
}

TEST_CASE("fingerprints and verdicts that nobody sends are refused") {
  Frame frame = frame_of(some());
  SUBCASE("no record") { kv::base::store_le(frame.payload.data() + 24, std::uint64_t{0}); }
  SUBCASE("an end of the log without need") { frame.payload[32] = 1; }
  SUBCASE("a stop without need") { frame.payload[44] = 1; }
  SUBCASE("another wish") { frame.payload[40] = 2; }
  SUBCASE("something where zeros are") { frame.payload[41] = 1; }
  SUBCASE("cut") { frame.payload.pop_back(); }
  SUBCASE("longer") { frame.payload.push_back('\0'); }
  SUBCASE("a verdict") {
    frame = frame_of(FingerprintReply{kBack, 42, FingerprintReply::Verdict::kSame, 0, 0});
    SUBCASE("that is none") { frame.payload[40] = 3; }
    SUBCASE("on no record") { frame.payload[24] = 0; }
    SUBCASE("with an end of the log without need") { frame.payload[32] = 1; }
    SUBCASE("longer") { frame.payload.push_back('\0'); }
  }
  check_refused(frame);
}
