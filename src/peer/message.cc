#include "peer/message.h"

#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/check.h"
#include "peer/envelope.h"
#include "peer/record_run.h"

namespace kv::peer {
namespace {

using namespace raft;

FrameType type_of(const PrevoteRequest&) { return FrameType::kPrevoteRequest; }
FrameType type_of(const PrevoteReply&) { return FrameType::kPrevoteReply; }
FrameType type_of(const VoteRequest&) { return FrameType::kVoteRequest; }
FrameType type_of(const VoteReply&) { return FrameType::kVoteReply; }
FrameType type_of(const Append&) { return FrameType::kAppend; }
FrameType type_of(const AppendReply&) { return FrameType::kAppendReply; }
FrameType type_of(const ReadRequest&) { return FrameType::kReadRequest; }
FrameType type_of(const ReadReply&) { return FrameType::kReadReply; }
FrameType type_of(const TimeoutNow&) { return FrameType::kTimeoutNow; }

void write(FrameWriter& out, const PrevoteRequest& body) { out.add(body.last); }
void write(FrameWriter& out, const PrevoteReply& body) {
  out.add(body.asked);
  out.add(body.is_granted);
  out.zeros(7);
}
void write(FrameWriter& out, const VoteRequest& body) {
  out.add(body.last);
  out.add(body.transfer_token);
}
void write(FrameWriter& out, const VoteReply& body) {
  out.add(body.is_granted);
  out.zeros(7);
}
void write(FrameWriter& out, const AppendReply& body) {
  out.add(body.round);
  out.add(body.matched);
  out.add(body.durable);
  out.add(body.applied);
  const Conflict conflict = body.conflict.value_or(Conflict());
  out.add(body.conflict.has_value());
  out.add(conflict.is_damaged);
  out.zeros(6);
  out.add(conflict.prev);
  out.add(conflict.term);
  out.add(conflict.first);
  out.add(conflict.last);
}
void write(FrameWriter& out, const ReadRequest& body) { out.add(body.nonce); }
void write(FrameWriter& out, const ReadReply& body) {
  out.add(body.nonce);
  out.add(body.seq.value_or(0));
  out.add(body.seq.has_value());
  out.zeros(7);
}
void write(FrameWriter& out, const TimeoutNow& body) { out.add(body.token); }

void read(FieldReader& in, PrevoteRequest& body) { body.last = in.position(); }
void read(FieldReader& in, PrevoteReply& body) {
  body.asked = in.u64();
  body.is_granted = in.flag();
  in.zeros(7);
}
void read(FieldReader& in, VoteRequest& body) {
  body.last = in.position();
  body.transfer_token = in.u64();
}
void read(FieldReader& in, VoteReply& body) {
  body.is_granted = in.flag();
  in.zeros(7);
}
void read(FieldReader& in, AppendReply& body) {
  body.round = in.u64();
  body.matched = in.u64();
  body.durable = in.u64();
  body.applied = in.u64();
  const bool has_conflict = in.flag();
  if (!has_conflict) {
    in.zeros(39);
    return;
  }
  Conflict conflict;
  conflict.is_damaged = in.flag();
  in.zeros(6);
  conflict.prev = in.u64();
  conflict.term = in.u64();
  conflict.first = in.u64();
  conflict.last = in.u64();
  body.conflict = conflict;
}
void read(FieldReader& in, ReadRequest& body) { body.nonce = in.u64(); }
void read(FieldReader& in, ReadReply& body) {
  body.nonce = in.u64();
  const Seq seq = in.u64();
  if (in.flag()) {
    body.seq = seq;
  } else if (seq != 0) {
    in.refuse();
  }
  in.zeros(7);
}
void read(FieldReader& in, TimeoutNow& body) { body.token = in.u64(); }

template <class Body>
void read_as(FieldReader& in, raft::Body& out) {
  Body body;
  read(in, body);
  out = std::move(body);
}

// False: a frame of another kind.
bool read_fixed(FrameType type, FieldReader& in, raft::Body& body) {
  switch (type) {
    case FrameType::kPrevoteRequest:
      read_as<PrevoteRequest>(in, body);
      return true;
    case FrameType::kPrevoteReply:
      read_as<PrevoteReply>(in, body);
      return true;
    case FrameType::kVoteRequest:
      read_as<VoteRequest>(in, body);
      return true;
    case FrameType::kVoteReply:
      read_as<VoteReply>(in, body);
      return true;
    case FrameType::kAppendReply:
      read_as<AppendReply>(in, body);
      return true;
    case FrameType::kReadRequest:
      read_as<ReadRequest>(in, body);
      return true;
    case FrameType::kReadReply:
      read_as<ReadReply>(in, body);
      return true;
    case FrameType::kTimeoutNow:
      read_as<TimeoutNow>(in, body);
      return true;
    default:
      return false;
  }
}

}  // namespace

void append_message(Gather& out, const Message& message, std::span<const SentRecord> records) {
  KV_CHECK(records.empty() || std::holds_alternative<Append>(message.body));
  std::visit(
      [&]<class T>(const T& body) {
        if constexpr (std::is_same_v<T, Snapshot>) {
          KV_CHECK(false && "a snapshot travels as files");
        } else {
          FrameWriter frame(out, type_of(body));
          append(frame, Envelope{message.from, message.to, message.term});
          if constexpr (std::is_same_v<T, Append>) {
            append_records(frame, body, records);
          } else {
            write(frame, body);
          }
          frame.finish();
        }
      },
      message.body);
}

Parsed<Received> decode_message(Frame frame) {
  Received received;
  received.payload = std::make_shared<const std::string>(std::move(frame.payload));
  FieldReader in(*received.payload);
  const Envelope envelope = read_envelope(in);
  received.message.from = envelope.from;
  received.message.to = envelope.to;
  received.message.term = envelope.term;
  if (frame.type == FrameType::kAppend) {
    if (auto taken = read_records(in, received); !taken) return tl::unexpected(taken.error());
  } else if (!read_fixed(frame.type, in, received.message.body)) {
    return refuse(Fault::kMalformed, fmt::format("{} is no message", name_of(frame.type)));
  }
  if (!in.is_done()) return refuse(Fault::kMalformed, name_of(frame.type));
  return received;
}

}  // namespace kv::peer
