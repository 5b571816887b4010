#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/record.h"
#include "peer/frame.h"
#include "peer/gather.h"
#include "raft/message.h"

namespace kv::peer {

// A record of an append, to be sent: the fields of its header and, as they lie in a segment, key
// and value. The checksum of a header there has the segment's salt in it; on the way a header has
// one without salt, and the receiver gives it that of its own segment.
struct SentRecord {
  format::RecordHeader header;
  std::string_view body;              // key and value
  std::shared_ptr<const void> owner;  // keeps `body`; none: it is copied
};
// Any message but a Snapshot, which travels as files (snapshot.h). `records` are those of an
// Append: exactly the ones behind prev up to last.
void append_message(Gather& out, const raft::Message& message,
                    std::span<const SentRecord> records = {});

// A record of an append that came in. Its body matches its checksums.
struct ReceivedRecord {
  format::RecordHeader header;
  std::string_view body;  // key and value, in Received::payload
};
struct Received {
  raft::Message message;  // an Append with its entries, their chains computed from prev.chain
  std::vector<ReceivedRecord> records;         // one for each entry
  std::shared_ptr<const std::string> payload;  // what the records lie in
};
// Of a frame that is one of a raft message's. Checks what makes sense in itself: sequences without
// a gap, terms that do not fall, configurations that can be. Whether it fits is for the core.
Parsed<Received> decode_message(Frame frame);

}  // namespace kv::peer
