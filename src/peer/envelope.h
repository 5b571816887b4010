#pragma once

#include <optional>
#include <string_view>

#include "peer/field_reader.h"
#include "peer/gather.h"
#include "raft/types.h"

namespace kv::peer {

// What every frame of raft begins with.
struct Envelope {
  raft::NodeId from = raft::kNoNode;
  raft::NodeId to = raft::kNoNode;
  raft::Term term = 0;
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

inline void append(FrameWriter& frame, const Envelope& envelope) {
  frame.add(envelope.from);
  frame.add(envelope.to);
  frame.add(envelope.term);
}

inline Envelope read_envelope(FieldReader& in) {
  Envelope envelope;
  envelope.from = in.node();
  envelope.to = in.node();
  envelope.term = in.u64();
  if (envelope.from == raft::kNoNode || envelope.to == raft::kNoNode) in.refuse();
  return envelope;
}

// Of a payload of which only the beginning is here; none: not even that.
inline std::optional<Envelope> envelope_at(std::string_view payload) {
  FieldReader in(payload);
  const Envelope envelope = read_envelope(in);
  return in.is_good() ? std::optional(envelope) : std::nullopt;
}

}  // namespace kv::peer
