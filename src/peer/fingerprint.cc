#include "peer/fingerprint.h"

#include "base/check.h"

namespace kv::peer {

namespace {

constexpr std::size_t kZeros = 3;

Parsed<FingerprintFrame> read_fingerprint(FieldReader& in) {
  Fingerprint out;
  out.envelope = read_envelope(in);
  out.sequence = in.u64();
  out.last = in.u64();
  const std::uint8_t wish = in.number<std::uint8_t>();
  in.zeros(kZeros);
  out.stop = in.u32();
  auto state = std::make_shared<format::StateFingerprint>();
  state->keys = in.u64();
  for (std::uint64_t& sum : state->sums) sum = in.u64();
  out.wish = Fingerprint::Wish{wish};
  const bool asks = out.wish == Fingerprint::Wish::kBeginAnew;
  if (!in.is_done() || wish > 1 || out.sequence == 0 ||
      (!asks && (out.last != 0 || out.stop != 0))) {
    return refuse(Fault::kMalformed, "FINGERPRINT");
  }
  out.state = std::move(state);
  return FingerprintFrame{std::move(out)};
}

Parsed<FingerprintFrame> read_reply(FieldReader& in) {
  FingerprintReply out;
  out.envelope = read_envelope(in);
  out.sequence = in.u64();
  out.last = in.u64();
  const std::uint8_t verdict = in.number<std::uint8_t>();
  in.zeros(kZeros);
  out.stop = in.u32();
  out.verdict = FingerprintReply::Verdict{verdict};
  const bool releases = out.verdict == FingerprintReply::Verdict::kReleased;
  if (!in.is_done() || verdict > 2 || out.sequence == 0 ||
      (!releases && (out.last != 0 || out.stop != 0))) {
    return refuse(Fault::kMalformed, "FINGERPRINT_REPLY");
  }
  return FingerprintFrame{out};
}

}  // namespace

const Envelope& FingerprintFrame::envelope() const {
  return std::visit([](const auto& one) -> const Envelope& { return one.envelope; }, body);
}

bool is_fingerprint(FrameType type) {
  return type == FrameType::kFingerprint || type == FrameType::kFingerprintReply;
}

Parsed<FingerprintFrame> decode_fingerprint(const Frame& frame) {
  KV_CHECK(is_fingerprint(frame.type));
  FieldReader in(frame.payload);
  return frame.type == FrameType::kFingerprint ? read_fingerprint(in) : read_reply(in);
}

void append_fingerprint(Gather& out, const Fingerprint& fingerprint) {
  FrameWriter frame(out, FrameType::kFingerprint);
  append(frame, fingerprint.envelope);
  frame.add(fingerprint.sequence);
  frame.add(fingerprint.last);
  frame.add(static_cast<std::uint8_t>(fingerprint.wish));
  frame.zeros(kZeros);
  frame.add(fingerprint.stop);
  frame.add(fingerprint.state->keys);
  for (const std::uint64_t sum : fingerprint.state->sums) frame.add(sum);
  frame.finish();
}

void append_fingerprint_reply(Gather& out, const FingerprintReply& reply) {
  FrameWriter frame(out, FrameType::kFingerprintReply);
  append(frame, reply.envelope);
  frame.add(reply.sequence);
  frame.add(reply.last);
  frame.add(static_cast<std::uint8_t>(reply.verdict));
  frame.zeros(kZeros);
  frame.add(reply.stop);
  frame.finish();
}

}  // namespace kv::peer
