#include "peer/gather.h"

#include "base/check.h"
#include "base/checksum.h"

namespace kv::peer {

std::vector<std::string_view> Gather::pieces() const {
  std::vector<std::string_view> views;
  views.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    views.push_back(piece.owner ? piece.referred
                                : std::string_view(own_).substr(piece.own_at, piece.own_size));
  }
  return views;
}

std::string Gather::joined() const {
  std::string all;
  all.reserve(size_);
  for (const std::string_view piece : pieces()) all.append(piece);
  return all;
}

FrameWriter::FrameWriter(Gather& out, FrameType type)
    : out_(out),
      type_(type),
      header_at_(out.own_.size()),
      start_(out.size_ + kFrameHeaderSize),
      crc_(base::crc32c({})) {
  const char room[kFrameHeaderSize] = {};
  copy({room, sizeof room});
  crc_ = base::crc32c({});  // the header is no part of it
}

void FrameWriter::zeros(std::size_t size) {
  static constexpr char kZeros[64] = {};
  for (; size > sizeof kZeros; size -= sizeof kZeros) copy({kZeros, sizeof kZeros});
  copy({kZeros, size});
}

void FrameWriter::copy(std::string_view bytes) {
  if (bytes.empty()) return;
  if (out_.pieces_.empty() || out_.pieces_.back().owner) {
    out_.pieces_.push_back({out_.own_.size(), 0, {}, nullptr});
  }
  out_.own_.append(bytes);
  out_.pieces_.back().own_size += bytes.size();
  out_.size_ += bytes.size();
  crc_ = base::crc32c_extend(crc_, bytes);
}

void FrameWriter::refer(std::string_view bytes, std::shared_ptr<const void> owner) {
  if (!owner || bytes.size() < Gather::kReferredMin) {
    copy(bytes);
    return;
  }
  out_.pieces_.push_back({0, 0, bytes, std::move(owner)});
  out_.size_ += bytes.size();
  crc_ = base::crc32c_extend(crc_, bytes);
}

void FrameWriter::finish() {
  const std::size_t size = out_.size_ - start_;
  const PayloadBounds bounds = payload_bounds(type_);
  KV_CHECK(size >= bounds.least);
  KV_CHECK(size <= bounds.most);
  encode_frame_header({type_, static_cast<std::uint32_t>(size), crc_},
                      out_.own_.data() + header_at_);
}

}  // namespace kv::peer
