#include "peer/frame.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;

std::string head_of(FrameType type, std::uint32_t size) {
  std::string bytes(kFrameHeaderSize, '\0');
  encode_frame_header({type, size, 0x12345678}, bytes.data());
  return bytes;
}
// With one byte set and the checksum made right again.
std::string signed_with(std::size_t at, char byte) {
  std::string bytes = head_of(FrameType::kVoteReply, 32);
  bytes[at] = byte;
  kv::base::store_le(bytes.data() + 16, kv::base::crc32c({bytes.data(), 16}));
  return bytes;
}
Fault fault_of(std::string_view bytes) {
  const auto header = decode_frame_header(bytes);
  REQUIRE_FALSE(header);
  CHECK_FALSE(header.error().context.empty());
  return header.error().fault;
}

}  // namespace

TEST_CASE("a frame's header comes back as it was encoded") {
  const auto header = decode_frame_header(head_of(FrameType::kVoteReply, 32));
  REQUIRE(header);
  CHECK(header->type == FrameType::kVoteReply);
  CHECK(header->size == 32);
  CHECK(header->payload_crc == 0x12345678);
}

TEST_CASE("every flipped bit of a frame's header is found") {
  kv::test::each_flip(head_of(FrameType::kVoteReply, 32), [](const std::string& damaged, auto at) {
    CHECK(fault_of(damaged) == (at < 4 ? Fault::kNotThisProtocol : Fault::kHeaderDamaged));
  });
}

TEST_CASE("what this version does not know is refused by name") {
  CHECK(fault_of(signed_with(4, 2)) == Fault::kNewerVersion);
  CHECK(fault_of(signed_with(4, 0)) == Fault::kMalformed);
  CHECK(fault_of(signed_with(7, 1)) == Fault::kUnknownFlag);
  CHECK(fault_of(signed_with(7, '\x80')) == Fault::kUnknownFlag);
  for (const int type : {0, 4, 15, 25, 31, 40, 64, 255}) {
    CAPTURE(type);
    CHECK(fault_of(signed_with(6, static_cast<char>(type))) == Fault::kUnknownType);
    CHECK(std::string(name_of(static_cast<FrameType>(type))) == "unknown");
  }
}

TEST_CASE("a payload is as large as its type may be and no larger") {
  int known = 0;
  for (int number = 0; number < 256; ++number) {
    const auto type = static_cast<FrameType>(number);
    const PayloadBounds bounds = payload_bounds(type);
    if (bounds.least > bounds.most) continue;
    known += 1;
    CAPTURE(name_of(type));
    CHECK(bounds.most <= kPayloadSizeMax);
    CHECK(decode_frame_header(head_of(type, static_cast<std::uint32_t>(bounds.least))));
    CHECK(decode_frame_header(head_of(type, static_cast<std::uint32_t>(bounds.most))));
    CHECK(fault_of(head_of(type, static_cast<std::uint32_t>(bounds.least - 1))) ==
          Fault::kTooLarge);
    CHECK(fault_of(head_of(type, static_cast<std::uint32_t>(bounds.most + 1))) == Fault::kTooLarge);
  }
  CHECK(known == 20);
}
