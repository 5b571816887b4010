#include "peer/frame.h"

#include <fmt/format.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "format/record.h"
#include "kv/options.h"
#include "peer/layout.h"

namespace kv::peer {
namespace {

using base::load_le;
using base::store_le;

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kTypeAt = 6;
constexpr std::size_t kFlagsAt = 7;
constexpr std::size_t kSizeAt = 8;
constexpr std::size_t kPayloadCrcAt = 12;
constexpr std::size_t kHeaderCrcAt = 16;
static_assert(kHeaderCrcAt + sizeof(std::uint32_t) == kFrameHeaderSize);

// Every record that can be written can be sent.
static_assert(layout::kAppendSize +
                  format::padded(format::kRecordHeaderSize + kKeySizeMax + kValueSizeMax) <=
              kPayloadSizeMax);
static_assert(layout::kAppendSize + format::kRecordHeaderSize + kBatchSizeMax +
                  std::uint64_t{kBatchCountMax} * 64 <=
              kPayloadSizeMax);

constexpr PayloadBounds exactly(std::size_t size) { return {size, size}; }

}  // namespace

const char* name_of(FrameType type) {
  switch (type) {
    case FrameType::kHello:
      return "HELLO";
    case FrameType::kHelloOk:
      return "HELLO_OK";
    case FrameType::kGoodbye:
      return "GOODBYE";
    case FrameType::kPrevoteRequest:
      return "PREVOTE_REQUEST";
    case FrameType::kPrevoteReply:
      return "PREVOTE_REPLY";
    case FrameType::kVoteRequest:
      return "VOTE_REQUEST";
    case FrameType::kVoteReply:
      return "VOTE_REPLY";
    case FrameType::kAppend:
      return "APPEND";
    case FrameType::kAppendReply:
      return "APPEND_REPLY";
    case FrameType::kReadRequest:
      return "READ_REQUEST";
    case FrameType::kReadReply:
      return "READ_REPLY";
    case FrameType::kTimeoutNow:
      return "TIMEOUT_NOW";
    case FrameType::kSnapshotBegin:
      return "SNAPSHOT_BEGIN";
    case FrameType::kSnapshotChunk:
      return "SNAPSHOT_CHUNK";
    case FrameType::kSnapshotEnd:
      return "SNAPSHOT_END";
    case FrameType::kSnapshotReply:
      return "SNAPSHOT_REPLY";
    case FrameType::kRecordRequest:
      return "RECORD_REQUEST";
    case FrameType::kRecordReply:
      return "RECORD_REPLY";
    case FrameType::kFingerprint:
      return "FINGERPRINT";
    case FrameType::kFingerprintReply:
      return "FINGERPRINT_REPLY";
  }
  return "unknown";
}

PayloadBounds payload_bounds(FrameType type) {
  switch (type) {
    case FrameType::kHello:
    case FrameType::kHelloOk:
      return {layout::kHelloSize, layout::kHelloSize + format::kAddressSizeMax};
    case FrameType::kGoodbye:
      return {layout::kGoodbyeSize, layout::kGoodbyeSize + layout::kGoodbyeTextMax};
    case FrameType::kPrevoteRequest:
      return exactly(layout::kPrevoteRequestSize);
    case FrameType::kPrevoteReply:
      return exactly(layout::kPrevoteReplySize);
    case FrameType::kVoteRequest:
      return exactly(layout::kVoteRequestSize);
    case FrameType::kVoteReply:
      return exactly(layout::kVoteReplySize);
    case FrameType::kAppend:
      return {layout::kAppendSize, kPayloadSizeMax};
    case FrameType::kAppendReply:
      return exactly(layout::kAppendReplySize);
    case FrameType::kReadRequest:
      return exactly(layout::kReadRequestSize);
    case FrameType::kReadReply:
      return exactly(layout::kReadReplySize);
    case FrameType::kTimeoutNow:
      return exactly(layout::kTimeoutNowSize);
    case FrameType::kSnapshotBegin:
      return {layout::kSnapshotBeginSize, layout::kSnapshotBeginSizeMax};
    case FrameType::kSnapshotChunk:
      return {layout::kSnapshotChunkSize + 1, layout::kSnapshotChunkSize + layout::kChunkBytesMax};
    case FrameType::kSnapshotEnd:
      return exactly(layout::kSnapshotEndSize);
    case FrameType::kSnapshotReply:
      return exactly(layout::kSnapshotReplySize);
    case FrameType::kRecordRequest:
      return {layout::kRecordRequestSize + 1, layout::kRecordRequestSize + kKeySizeMax};
    case FrameType::kRecordReply:
      return {layout::kRecordReplySize, layout::kRecordReplySize + layout::kPutSizeMax};
    case FrameType::kFingerprint:
      return exactly(layout::kFingerprintSize);
    case FrameType::kFingerprintReply:
      return exactly(layout::kFingerprintReplySize);
  }
  return {};
}

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::kNotThisProtocol:
      return "not this protocol";
    case Fault::kNewerVersion:
      return "newer version";
    case Fault::kHeaderDamaged:
      return "header damaged";
    case Fault::kPayloadDamaged:
      return "payload damaged";
    case Fault::kUnknownType:
      return "unknown type";
    case Fault::kUnknownFlag:
      return "unknown flag";
    case Fault::kTooLarge:
      return "size out of bounds";
    case Fault::kMalformed:
      return "malformed";
    case Fault::kRecordDamaged:
      return "record damaged at its sender";
  }
  return "unknown";
}

void encode_frame_header(const FrameHeader& header, char* out) {
  store_le(out + kMagicAt, kFrameMagic);
  store_le(out + kVersionAt, kProtocolVersion);
  store_le(out + kTypeAt, static_cast<std::uint8_t>(header.type));
  store_le(out + kFlagsAt, std::uint8_t{0});
  store_le(out + kSizeAt, header.size);
  store_le(out + kPayloadCrcAt, header.payload_crc);
  store_le(out + kHeaderCrcAt, base::crc32c({out, kHeaderCrcAt}));
}

Parsed<FrameHeader> decode_frame_header(std::string_view bytes) {
  const char* at = bytes.data();
  if (bytes.size() < kFrameHeaderSize || load_le<std::uint32_t>(at + kMagicAt) != kFrameMagic) {
    return refuse(Fault::kNotThisProtocol, "the bytes are no frame of kv's peers");
  }
  // The checksum comes before the version: a damaged version is damage, not a newer program.
  if (load_le<std::uint32_t>(at + kHeaderCrcAt) != base::crc32c({at, kHeaderCrcAt})) {
    return refuse(Fault::kHeaderDamaged, "a frame's header fails its checksum");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kProtocolVersion) {
    return refuse(
        Fault::kNewerVersion,
        fmt::format("protocol version {}; this program knows up to {}", version, kProtocolVersion));
  }
  if (version == 0) return refuse(Fault::kMalformed, "protocol version 0");
  const auto type = FrameType{load_le<std::uint8_t>(at + kTypeAt)};
  const PayloadBounds bounds = payload_bounds(type);
  if (bounds.least > bounds.most) {
    return refuse(Fault::kUnknownType, fmt::format("frame type {}", static_cast<int>(type)));
  }
  if (const auto flags = load_le<std::uint8_t>(at + kFlagsAt); flags != 0) {
    return refuse(Fault::kUnknownFlag, fmt::format("{} with flags {:#x}", name_of(type), flags));
  }
  const auto size = load_le<std::uint32_t>(at + kSizeAt);
  if (size < bounds.least || size > bounds.most) {
    return refuse(Fault::kTooLarge, fmt::format("{} of {} bytes, {} to {} are allowed",
                                                name_of(type), size, bounds.least, bounds.most));
  }
  return FrameHeader{type, size, load_le<std::uint32_t>(at + kPayloadCrcAt)};
}

}  // namespace kv::peer
