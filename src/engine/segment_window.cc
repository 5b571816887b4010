#include "engine/segment_window.h"

#include <algorithm>

#include "base/endian.h"

namespace kv::engine {

Result<std::string_view> SegmentWindow::view(std::uint64_t offset, std::size_t length) {
  if (offset >= size_) return std::string_view{};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
  const bool is_inside =
      offset >= buffer_offset_ && offset + length <= buffer_offset_ + buffer_size_;
  if (!is_inside) {
    const std::size_t wanted = std::max(length, kReadSize);
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    const auto to_read = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, size_ - offset));
    auto got = file_.read_at(offset, buffer_.data(), to_read);
    if (!got) {
      buffer_size_ = 0;
      return tl::unexpected(std::move(got).error());
    }
    buffer_offset_ = offset;
    buffer_size_ = *got;
    length = std::min(length, buffer_size_);  // the file is shorter than it should be
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(offset - buffer_offset_),
                                          length);
}

Result<Frame> SegmentWindow::frame(std::uint64_t offset) {
  auto head = view(offset, format::kRecordHeaderSize);
  if (!head) return tl::unexpected(std::move(head).error());
  Frame frame;
  switch (format::decode_record_header(*head, salt_, frame.header)) {
    case format::HeaderState::kZero:
      frame.state = Frame::State::kZero;
      return frame;
    case format::HeaderState::kInvalid:
      return frame;
    case format::HeaderState::kValid:
      break;
  }
  // A member of a batch is no frame of its own.
  if ((frame.header.flags & format::kFlagInBatch) != 0) return frame;
  const std::size_t body_size =
      std::size_t{frame.header.key_size} + std::size_t{frame.header.value_size};
  auto whole = view(offset, format::kRecordHeaderSize + body_size);
  if (!whole) return tl::unexpected(std::move(whole).error());
  frame.body = whole->substr(format::kRecordHeaderSize);
  // A record that lacks but its padding was not written whole either.
  const bool is_whole = offset + format::record_size(frame.header) <= size_;
  const bool is_intact = is_whole && frame.body.size() == body_size &&
                         format::body_is_intact(frame.header, frame.body);
  frame.state = is_intact ? Frame::State::kIntact : Frame::State::kBodyDamaged;
  return frame;
}

Result<Frame> SegmentWindow::next_intact(std::uint64_t offset, std::uint64_t& found) {
  constexpr std::size_t kMagicAt = 8;
  for (std::uint64_t at = format::padded(offset); at + format::kRecordHeaderSize <= size_;) {
    auto bytes = view(at, kReadSize / 2);
    if (!bytes) return tl::unexpected(std::move(bytes).error());
    if (bytes->size() < format::kRecordHeaderSize) break;
    std::size_t i = 0;
    for (; i + format::kRecordHeaderSize <= bytes->size(); i += format::kRecordAlignment) {
      if (base::load_le<std::uint16_t>(bytes->data() + i + kMagicAt) == format::kRecordMagic) break;
    }
    at += i;
    if (i + format::kRecordHeaderSize > bytes->size()) continue;
    auto candidate = frame(at);
    if (!candidate) return candidate;
    if (candidate->state == Frame::State::kIntact) {
      found = at;
      return candidate;
    }
    at += format::kRecordAlignment;
  }
  found = size_;
  return Frame{};
}

}  // namespace kv::engine
