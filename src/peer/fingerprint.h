#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "format/state_fingerprint.h"
#include "peer/envelope.h"
#include "peer/frame.h"
#include "peer/gather.h"

namespace kv::peer {

// What a member holds as of a record at which all compare that; to the leader.
struct Fingerprint {
  // It was told that it differs, and does nothing any more, so that `last` stays the end of its
  // log: may it give up what it has, and begin anew?
  enum class Wish : std::uint8_t { kCompare = 0, kBeginAnew = 1 };
  Envelope envelope;
  raft::Seq sequence = 0;  // of the record, not 0
  Wish wish = Wish::kCompare;
  raft::Seq last = 0;      // of kBeginAnew; else 0
  std::uint32_t stop = 0;  // the same: which time it stopped
  std::shared_ptr<const format::StateFingerprint> state;
};

// The leader's word on it.
struct FingerprintReply {
  enum class Verdict : std::uint8_t {
    kSame = 0,      // as a majority holds it
    kDiffers = 1,   // a majority holds something else
    kReleased = 2,  // what the member has counts no more, and it may begin anew
  };
  Envelope envelope;
  raft::Seq sequence = 0;
  Verdict verdict = Verdict::kSame;
  raft::Seq last = 0;  // of kReleased, as it was asked; and the next
  std::uint32_t stop = 0;
  friend bool operator==(const FingerprintReply&, const FingerprintReply&) = default;
};

struct FingerprintFrame {
  std::variant<Fingerprint, FingerprintReply> body;

  const Envelope& envelope() const;
};
bool is_fingerprint(FrameType type);
// Of a frame of such a type.
Parsed<FingerprintFrame> decode_fingerprint(const Frame& frame);

void append_fingerprint(Gather& out, const Fingerprint& fingerprint);
void append_fingerprint_reply(Gather& out, const FingerprintReply& reply);

}  // namespace kv::peer
