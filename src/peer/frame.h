#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace kv::peer {

// What replicas say to each other travels in frames: a header, then `size` bytes. Little-endian;
// docs/peer-protocol.md is the authority.
//
//   0     4       6    7     8    12          16         20
//   +-----+-------+----+-----+----+-----------+----------+---------+
//   |magic|version|type|flags|size|payload_crc|header_crc| payload |
//   |u32  |u16    |u8  |u8   |u32 |u32        |u32       |         |
//   +-----+-------+----+-----+----+-----------+----------+---------+
//
// header_crc covers bytes 0..15, so that a size is relied on only when it is the sender's.
inline constexpr std::size_t kFrameHeaderSize = 20;
inline constexpr std::uint32_t kFrameMagic = 0x3150564b;  // "KVP1"
inline constexpr std::uint16_t kProtocolVersion = 1;

enum class FrameType : std::uint8_t {
  kHello = 1,
  kHelloOk = 2,
  kGoodbye = 3,
  kPrevoteRequest = 16,
  kPrevoteReply = 17,
  kVoteRequest = 18,
  kVoteReply = 19,
  kAppend = 20,
  kAppendReply = 21,
  kReadRequest = 22,
  kReadReply = 23,
  kTimeoutNow = 24,
  kSnapshotBegin = 32,
  kSnapshotChunk = 33,
  kSnapshotEnd = 34,
  kSnapshotReply = 35,
  kRecordRequest = 36,
  kRecordReply = 37,
  kFingerprint = 38,
  kFingerprintReply = 39,
};
// "APPEND"; "unknown" for any other number.
const char* name_of(FrameType type);

// Bytes that the payload of a type has, at least and at most; {1, 0} of an unknown type.
struct PayloadBounds {
  std::size_t least = 1;
  std::size_t most = 0;
};
PayloadBounds payload_bounds(FrameType type);
// The most of all types: an APPEND with the largest record there is, a batch.
inline constexpr std::size_t kPayloadSizeMax = 130 * 1024 * 1024;

// Why a connection's bytes are refused. It is closed then: where the next frame would begin is not
// known, or the peer does not do what is agreed.
enum class Fault : std::uint8_t {
  kNotThisProtocol,  // the magic number is another
  kNewerVersion,
  kHeaderDamaged,
  kPayloadDamaged,
  kUnknownType,
  kUnknownFlag,
  kTooLarge,       // or too small for its type
  kMalformed,      // a payload that holds what nobody writes
  kRecordDamaged,  // a record came as it was sent, and was damaged where it was sent from
};
const char* name_of(Fault fault);
struct FrameError {
  Fault fault = Fault::kMalformed;
  std::string context;  // what is wrong, for people
};
template <class T>
using Parsed = tl::expected<T, FrameError>;
inline tl::unexpected<FrameError> refuse(Fault fault, std::string context) {
  return tl::unexpected(FrameError{fault, std::move(context)});
}

struct FrameHeader {
  FrameType type = FrameType::kHello;
  std::uint32_t size = 0;
  std::uint32_t payload_crc = 0;
};
// Writes kFrameHeaderSize bytes.
void encode_frame_header(const FrameHeader& header, char* out);
// Of kFrameHeaderSize bytes. What comes back has a known type and a size within its bounds.
Parsed<FrameHeader> decode_frame_header(std::string_view bytes);

// A frame whose checksums were right.
struct Frame {
  FrameType type = FrameType::kHello;
  std::string payload;
};

}  // namespace kv::peer
