#include "format/checkpoint.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "format/damage.h"
#include "kv/options.h"

namespace kv::format {
namespace {

using base::append_le;
using base::load_le;
using base::store_le;

constexpr std::size_t kEntryHeadSize = sizeof(std::uint64_t) + sizeof(std::uint16_t);
constexpr unsigned kSegmentShift = 44;
constexpr std::size_t kHeaderCrcAt = kCheckpointHeaderSize - sizeof(std::uint32_t);

CheckpointEntry load_entry(const char* at) {
  const std::size_t key_size = std::size_t{load_le<std::uint16_t>(at + sizeof(std::uint64_t))} + 1;
  return {{at + kEntryHeadSize, key_size}, load_le<std::uint64_t>(at)};
}

void encode_segment(std::string& out, const CheckpointSegment& segment) {
  append_le(out, number(segment.id));
  append_le(out, std::uint32_t{0});
  append_le(out, segment.salt);
  append_le(out, segment.size);
  append_le(out, segment.delete_bytes);
}

CheckpointSegment decode_segment(const char* at) {
  return {SegmentId{load_le<std::uint32_t>(at)}, load_le<std::uint64_t>(at + 8),
          load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
}

Result<CheckpointHead> decode_head(std::string_view content) {
  const char* const at = content.data();
  if (content.size() < kCheckpointHeaderSize || load_le<std::uint32_t>(at) != kCheckpointMagic)
    return corruption("checkpoint header: not a checkpoint");
  if (load_le<std::uint32_t>(at + kHeaderCrcAt) != base::crc32c({at, kHeaderCrcAt}))
    return corruption("checkpoint header: checksum mismatch");
  const auto version = load_le<std::uint16_t>(at + 4);
  if (version > kCheckpointVersion) {
    return newer_format(fmt::format("checkpoint version {}; this program knows up to {}", version,
                                    kCheckpointVersion));
  }
  CheckpointHead head;
  head.database_id_hash = load_le<std::uint64_t>(at + 8);
  head.sequence = load_le<std::uint64_t>(at + 16);
  head.keys = load_le<std::uint64_t>(at + 24);
  const auto segments = load_le<std::uint64_t>(at + 32);
  head.blocks = load_le<std::uint64_t>(at + 40);
  const std::string_view rest = content.substr(kCheckpointHeaderSize);
  if (segments > kCheckpointSegmentsMax || rest.size() / kCheckpointSegmentSize < segments)
    return corruption("checkpoint header: more segments than bytes");
  for (std::uint64_t i = 0; i < segments; ++i)
    head.segments.push_back(decode_segment(rest.data() + i * kCheckpointSegmentSize));
  const std::size_t size =
      kCheckpointHeaderSize + static_cast<std::size_t>(segments) * kCheckpointSegmentSize;
  if (encode_checkpoint_head(head) != content.substr(0, size))
    return corruption("checkpoint header: a field holds what this version never writes");
  return head;
}

// Entries lie in the block one behind the other, ascending, and name segments that are listed.
Result<void> check_block(std::string_view entries, std::uint32_t keys, std::size_t segments,
                         std::string_view& previous) {
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < keys; ++i) {
    if (entries.size() - at <= kEntryHeadSize) return corruption("checkpoint block: cut short");
    const CheckpointEntry entry = load_entry(entries.data() + at);
    if (entries.size() - at - kEntryHeadSize < entry.key.size())
      return corruption("checkpoint block: cut short");
    if (entry.place >> kSegmentShift >= segments)
      return corruption("checkpoint entry: no such segment");
    if (entry.key <= previous) return corruption("checkpoint entry: keys out of order");
    previous = entry.key;
    at += kEntryHeadSize + entry.key.size();
  }
  if (at != entries.size()) return corruption("checkpoint block: more bytes than keys");
  return {};
}

}  // namespace

void CheckpointBlock::add(const CheckpointEntry& entry) {
  KV_CHECK(!entry.key.empty() && entry.key.size() <= kKeySizeMax);
  append_le(entries_, entry.place);
  append_le(entries_, static_cast<std::uint16_t>(entry.key.size() - 1));
  entries_.append(entry.key);
  keys_ += 1;
}

std::string CheckpointBlock::take() {
  std::string out;
  append_le(out, std::uint32_t{0});
  append_le(out, static_cast<std::uint32_t>(entries_.size()));
  append_le(out, keys_);
  append_le(out, std::uint32_t{0});
  out.append(entries_);
  store_le(out.data(), base::crc32c(std::string_view(out).substr(sizeof(std::uint32_t))));
  entries_.clear();
  keys_ = 0;
  return out;
}

std::string encode_checkpoint_head(const CheckpointHead& head) {
  std::string segments;
  for (const CheckpointSegment& segment : head.segments) encode_segment(segments, segment);
  std::string out;
  append_le(out, kCheckpointMagic);
  append_le(out, kCheckpointVersion);
  append_le(out, std::uint16_t{0});
  append_le(out, head.database_id_hash);
  append_le(out, head.sequence);
  append_le(out, head.keys);
  append_le(out, std::uint64_t{head.segments.size()});
  append_le(out, head.blocks);
  append_le(out, base::crc32c(segments));
  append_le(out, std::uint64_t{0});
  append_le(out, base::crc32c(out));
  KV_CHECK(out.size() == kCheckpointHeaderSize);
  return out + segments;
}

Result<CheckpointReader> CheckpointReader::open(std::string_view content) {
  auto head = decode_head(content);
  if (!head) return tl::unexpected(std::move(head).error());
  CheckpointReader reader;
  std::size_t at = kCheckpointHeaderSize + head->segments.size() * kCheckpointSegmentSize;
  std::string_view previous;
  std::uint64_t keys = 0;
  for (std::uint64_t i = 0; i < head->blocks; ++i) {
    const std::string_view rest = content.substr(at);
    if (rest.size() < kCheckpointBlockHeadSize) return corruption("checkpoint: blocks are missing");
    const auto size = load_le<std::uint32_t>(rest.data() + 4);
    const auto block_keys = load_le<std::uint32_t>(rest.data() + 8);
    if (rest.size() - kCheckpointBlockHeadSize < size)
      return corruption("checkpoint block: cut short");
    const std::string_view block = rest.substr(0, kCheckpointBlockHeadSize + size);
    if (load_le<std::uint32_t>(block.data()) != base::crc32c(block.substr(4)) ||
        load_le<std::uint32_t>(block.data() + 12) != 0)
      return corruption(fmt::format("checkpoint block {}: checksum mismatch", i));
    const std::string_view entries = block.substr(kCheckpointBlockHeadSize);
    auto checked = check_block(entries, block_keys, head->segments.size(), previous);
    if (!checked) return tl::unexpected(std::move(checked).error());
    if (!entries.empty()) reader.blocks_.push_back(entries);
    keys += block_keys;
    at += block.size();
  }
  if (at != content.size() || keys != head->keys)
    return corruption("checkpoint: its header says another size");
  reader.head_ = std::move(*head);
  return reader;
}

CheckpointReader::Slice CheckpointReader::slice(std::size_t slice_number, std::size_t count) const {
  const std::size_t first = blocks_.size() * slice_number / count;
  const std::size_t last = blocks_.size() * (slice_number + 1) / count;
  Slice slice;
  slice.blocks_.assign(blocks_.begin() + static_cast<std::ptrdiff_t>(first),
                       blocks_.begin() + static_cast<std::ptrdiff_t>(last));
  return slice;
}

std::optional<std::string_view> CheckpointReader::first_key(std::size_t slice_number,
                                                            std::size_t count) const {
  const std::size_t first = blocks_.size() * slice_number / count;
  if (first >= blocks_.size()) return std::nullopt;
  return load_entry(blocks_[first].data()).key;
}

bool CheckpointReader::Slice::next(CheckpointEntry& entry) {
  if (block_ == blocks_.size()) return false;
  entry = load_entry(blocks_[block_].data() + at_);
  at_ += kEntryHeadSize + entry.key.size();
  if (at_ == blocks_[block_].size()) {
    block_ += 1;
    at_ = 0;
  }
  return true;
}

}  // namespace kv::format
