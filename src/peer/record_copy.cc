#include "peer/record_copy.h"

#include <utility>

#include "base/check.h"
#include "kv/options.h"
#include "peer/layout.h"

namespace kv::peer {
namespace {

constexpr std::uint64_t kNoSalt = 0;

std::uint64_t padding_of(const format::RecordHeader& header) {
  return format::record_size(header) - format::kRecordHeaderSize - header.key_size -
         header.value_size;
}

bool is_sane(const format::RecordHeader& header) {
  return header.type == format::RecordType::kPut && header.flags == 0 && header.key_size > 0 &&
         header.key_size <= kKeySizeMax && header.value_size <= kValueSizeMax;
}

// The record at the end of a reply.
Parsed<void> read_record(FieldReader& in, RecordReply& reply) {
  const std::string_view head = in.bytes(format::kRecordHeaderSize);
  if (!in.is_good() ||
      format::decode_record_header(head, kNoSalt, reply.header) != format::HeaderState::kValid ||
      !is_sane(reply.header)) {
    return refuse(Fault::kMalformed, "RECORD_REPLY: the header of its record");
  }
  const std::size_t key_size = reply.header.key_size;
  const std::string_view body = in.bytes(key_size + reply.header.value_size);
  in.zeros(static_cast<std::size_t>(padding_of(reply.header)));
  if (!in.is_done()) return refuse(Fault::kMalformed, "RECORD_REPLY: its record is not whole");
  if (!format::body_is_intact(reply.header, body)) {
    return refuse(Fault::kRecordDamaged, "RECORD_REPLY: key or value fails its checksum");
  }
  reply.key = body.substr(0, key_size);
  reply.value = body.substr(key_size);
  return {};
}

}  // namespace

const Envelope& RecordFrame::envelope() const {
  return std::visit([](const auto& one) -> const Envelope& { return one.envelope; }, body);
}

bool is_record_copy(FrameType type) {
  return type == FrameType::kRecordRequest || type == FrameType::kRecordReply;
}

Parsed<RecordFrame> decode_record_copy(Frame frame) {
  KV_CHECK(is_record_copy(frame.type));
  RecordFrame out;
  out.payload = std::make_shared<const std::string>(std::move(frame.payload));
  const auto take = [&out](auto decoded) -> Parsed<RecordFrame> {
    if (!decoded) return tl::unexpected(std::move(decoded).error());
    out.body = std::move(*decoded);
    return std::move(out);
  };
  if (frame.type == FrameType::kRecordRequest) return take(decode_record_request(*out.payload));
  return take(decode_record_reply(*out.payload));
}

void append_record_request(Gather& out, const RecordRequest& request) {
  FrameWriter frame(out, FrameType::kRecordRequest);
  append(frame, request.envelope);
  frame.add(request.id);
  frame.add(request.applied);
  frame.copy(request.key);
  frame.finish();
}

void append_record_reply(Gather& out, const RecordReply& reply, std::shared_ptr<const void> owner) {
  FrameWriter frame(out, FrameType::kRecordReply);
  append(frame, reply.envelope);
  frame.add(reply.id);
  frame.add(static_cast<std::uint8_t>(reply.state));
  frame.zeros(7);
  if (reply.state == RecordReply::State::kFound) {
    KV_CHECK(is_sane(reply.header));
    KV_CHECK(reply.key.size() == reply.header.key_size &&
             reply.value.size() == reply.header.value_size);
    char head[format::kRecordHeaderSize];
    format::encode_record_header(reply.header, kNoSalt, head);
    frame.copy({head, sizeof head});
    frame.copy(reply.key);
    frame.refer(reply.value, std::move(owner));
    frame.zeros(static_cast<std::size_t>(padding_of(reply.header)));
  }
  frame.finish();
}

Parsed<RecordRequest> decode_record_request(std::string_view payload) {
  FieldReader in(payload);
  RecordRequest request;
  request.envelope = read_envelope(in);
  request.id = in.u64();
  request.applied = in.u64();
  request.key = in.bytes(in.rest().size());
  if (!in.is_done() || request.key.empty() || request.key.size() > kKeySizeMax) {
    return refuse(Fault::kMalformed, "RECORD_REQUEST");
  }
  return request;
}

Parsed<RecordReply> decode_record_reply(std::string_view payload) {
  FieldReader in(payload);
  RecordReply reply;
  reply.envelope = read_envelope(in);
  reply.id = in.u64();
  reply.state = RecordReply::State{in.number<std::uint8_t>()};
  in.zeros(7);
  if (!in.is_good() || reply.state > RecordReply::State::kDamaged) {
    return refuse(Fault::kMalformed, "RECORD_REPLY");
  }
  if (reply.state == RecordReply::State::kFound) {
    if (auto read = read_record(in, reply); !read) return tl::unexpected(read.error());
  } else if (!in.is_done()) {
    return refuse(Fault::kMalformed, "RECORD_REPLY: bytes behind its end");
  }
  return reply;
}

}  // namespace kv::peer
