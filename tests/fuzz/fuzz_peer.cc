// Any bytes from a peer: what decodes must encode to the same bytes again, and where the bytes are
// cut must not matter. Each input is also taken as a type and its payload, with the checksums of
// the frame and of records in it made right, to get at what lies behind them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/endian.h"
#include "peer/layout.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv;
using kv::test::Reading;

void check_frames(const std::string& bytes) {
  const Reading whole = test::read_frames(bytes);
  std::size_t at = 0;
  for (const peer::Frame& frame : whole.frames) {
    const std::string_view encoded =
        std::string_view(bytes).substr(at, peer::kFrameHeaderSize + frame.payload.size());
    const auto again = test::encoded_again(frame);
    if (again) KV_CHECK(*again == encoded);
    at += encoded.size();
  }
  if (bytes.empty()) return;
  const std::size_t cut = static_cast<unsigned char>(bytes.back()) % bytes.size();
  const Reading parts = test::read_frames(bytes, {cut / 2, cut});
  KV_CHECK(parts.frames.size() == whole.frames.size());
  KV_CHECK(parts.error.has_value() == whole.error.has_value());
  if (whole.error) KV_CHECK(parts.error->fault == whole.error->fault);
}

// Gives the records in an APPEND's payload, or a RECORD_REPLY's, the checksums that fit their
// fields.
void mend_records(std::string& payload, std::size_t at) {
  while (at <= payload.size() && payload.size() - at >= format::kRecordHeaderSize) {
    const std::string_view rest = std::string_view(payload).substr(at);
    format::RecordHeader header = format::raw_record_header(rest);
    const std::uint64_t size = format::record_size(header);
    const bool is_whole = size <= rest.size();
    if (is_whole) {
      const std::string_view body = rest.substr(format::kRecordHeaderSize);
      header.key_crc = base::crc32c(body.substr(0, header.key_size));
      header.body_crc =
          base::crc32c(body.substr(0, std::size_t{header.key_size} + header.value_size));
    }
    format::encode_record_header(header, 0, payload.data() + at);
    if (!is_whole) return;
    at += static_cast<std::size_t>(size);
  }
}

// The same for the bytes of a chunk.
void mend_chunk(std::string& payload) {
  constexpr std::size_t kCrcAt = 44;
  constexpr std::size_t kBytesAt = 48;
  if (payload.size() <= kBytesAt) return;
  base::store_le(payload.data() + kCrcAt, base::crc32c(std::string_view(payload).substr(kBytesAt)));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  check_frames(bytes);
  if (bytes.empty()) return 0;
  const auto type = static_cast<peer::FrameType>(bytes[0]);
  std::string payload = bytes.substr(1);
  check_frames(test::framed(type, payload));
  if (type == peer::FrameType::kAppend) mend_records(payload, peer::layout::kAppendSize);
  if (type == peer::FrameType::kRecordReply) {
    mend_records(payload, peer::layout::kRecordReplySize);
  }
  if (type == peer::FrameType::kSnapshotChunk) mend_chunk(payload);
  check_frames(test::framed(type, payload) + test::framed(type, payload));
  return 0;
}
