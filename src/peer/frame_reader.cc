#include "peer/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/checksum.h"
#include "base/endian.h"

namespace kv::peer {
namespace {

// Room made for a payload before any of it is there.
constexpr std::size_t kRoomAtOnce = 64 * 1024;

}  // namespace

Parsed<std::optional<Frame>> FrameReader::take(std::string_view& bytes) {
  if (error_) return tl::unexpected(*error_);
  if (head_size_ < kFrameHeaderSize) {
    if (auto taken = take_head(bytes); !taken) return fail(std::move(taken).error());
    if (head_size_ < kFrameHeaderSize) return std::nullopt;
  }
  const std::size_t size = std::min(bytes.size(), header_.size - payload_.size());
  const std::string_view piece = bytes.substr(0, size);
  payload_.append(piece);
  payload_crc_ = base::crc32c_extend(payload_crc_, piece);
  bytes.remove_prefix(size);
  if (payload_.size() < header_.size) return std::nullopt;
  if (payload_crc_ != header_.payload_crc) {
    return fail({Fault::kPayloadDamaged, fmt::format("{} of {} bytes fails its checksum",
                                                     name_of(header_.type), header_.size)});
  }
  head_size_ = 0;
  return Frame{header_.type, std::exchange(payload_, {})};
}

std::optional<FrameReader::Begun> FrameReader::begun() const {
  if (error_ || head_size_ < kFrameHeaderSize) return std::nullopt;
  return Begun{header_.type, payload_};
}

Parsed<void> FrameReader::take_head(std::string_view& bytes) {
  const std::size_t size = std::min(bytes.size(), kFrameHeaderSize - head_size_);
  std::memcpy(head_ + head_size_, bytes.data(), size);
  head_size_ += size;
  bytes.remove_prefix(size);
  // Who speaks something else may wait for an answer before it sends as much as a header.
  char magic[sizeof kFrameMagic];
  base::store_le(magic, kFrameMagic);
  if (std::memcmp(head_, magic, std::min(head_size_, sizeof magic)) != 0) {
    return refuse(Fault::kNotThisProtocol, "the bytes are no frame of kv's peers");
  }
  if (head_size_ < kFrameHeaderSize) return {};
  auto header = decode_frame_header({head_, sizeof head_});
  if (!header) return tl::unexpected(std::move(header).error());
  header_ = *header;
  payload_.reserve(std::min<std::size_t>(header_.size, kRoomAtOnce));
  payload_crc_ = base::crc32c({});
  return {};
}

Parsed<std::optional<Frame>> FrameReader::fail(FrameError error) {
  payload_ = {};
  error_ = std::move(error);
  return tl::unexpected(*error_);
}

}  // namespace kv::peer
