#pragma once

#include <span>

#include "peer/field_reader.h"
#include "peer/message.h"

namespace kv::peer {

// The body of an APPEND: what it says, then its records, each as in a segment of salt 0, padding
// and all.
void append_records(FrameWriter& frame, const raft::Append& append,
                    std::span<const SentRecord> records);
// Fills in message.body and the records; `in` goes on behind them.
Parsed<void> read_records(FieldReader& in, Received& received);

}  // namespace kv::peer
