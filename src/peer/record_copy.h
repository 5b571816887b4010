#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "format/record.h"
#include "peer/envelope.h"
#include "peer/frame.h"
#include "peer/gather.h"

namespace kv::peer {

// A member whose disk lost a record asks another one for its copy. `applied`: what the asker had
// applied when the record was the key's newest one. Only who has applied that much answers with
// anything but kLater, so that the copy, if it is not of a later version, is of that record.
struct RecordRequest {
  Envelope envelope;
  std::uint64_t id = 0;  // echoed
  std::uint64_t applied = 0;
  std::string_view key;  // 1 B to 64 KiB
  friend bool operator==(const RecordRequest&, const RecordRequest&) = default;
};

struct RecordReply {
  enum class State : std::uint8_t {
    kFound = 0,
    kNotThere = 1,  // the key has no value
    kLater = 2,     // it cannot be told yet, or the key has a later value by now
    kDamaged = 3,   // there, too
  };
  Envelope envelope;
  std::uint64_t id = 0;
  State state = State::kNotThere;
  // kFound only: a put that stands alone.
  format::RecordHeader header;
  std::string_view key;
  std::string_view value;
};

// One of the two, and what their bytes lie in.
struct RecordFrame {
  std::variant<RecordRequest, RecordReply> body;
  std::shared_ptr<const std::string> payload;

  const Envelope& envelope() const;
};
bool is_record_copy(FrameType type);
// Of a frame of such a type.
Parsed<RecordFrame> decode_record_copy(Frame frame);

void append_record_request(Gather& out, const RecordRequest& request);
// `owner` keeps the value; none: it is copied.
void append_record_reply(Gather& out, const RecordReply& reply, std::shared_ptr<const void> owner);

Parsed<RecordRequest> decode_record_request(std::string_view payload);
// A record's bytes lie in `payload`, and match their checksums.
Parsed<RecordReply> decode_record_reply(std::string_view payload);

}  // namespace kv::peer
