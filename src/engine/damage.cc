#include "engine/damage.h"

#include <algorithm>
#include <optional>

#include "base/checksum.h"
#include "kv/options.h"

namespace kv::engine {

namespace {

using format::RecordHeader;
using format::RecordType;

// Whose record this was, `header` being its fields as they lie and `body` what follows, of which
// any one part may be wrong.
std::optional<std::string_view> identify_key(const RecordHeader& header, std::string_view body) {
  if (header.key_size >= 1 && header.key_size <= std::min<std::size_t>(body.size(), kKeySizeMax)) {
    const std::string_view key = body.substr(0, header.key_size);
    if (base::crc32c(key) == header.key_crc) return key;
    const std::uint64_t body_size = std::uint64_t{header.key_size} + header.value_size;
    if (body_size <= body.size() && format::body_is_intact(header, body.substr(0, body_size)))
      return key;
  }
  // Erased flash reads as ones, and ones are the checksum of the first four of those.
  if (header.key_crc == UINT32_MAX && body.substr(0, 4) == "\xff\xff\xff\xff") return std::nullopt;
  // The size itself may be what is damaged: find the length whose checksum fits.
  std::uint32_t crc = 0;
  for (std::size_t size = 1; size <= std::min<std::size_t>(body.size(), kKeySizeMax); ++size) {
    crc = base::crc32c_extend(crc, body.substr(size - 1, 1));
    if (crc == header.key_crc) return body.substr(0, size);
  }
  return std::nullopt;
}

void note_damaged(const RecordHeader& header, std::string_view body, std::uint64_t offset,
                  std::uint64_t sequence, DamagedRange& range) {
  if (auto key = identify_key(header, body)) {
    range.keys.push_back({std::string(*key), offset, sequence, header.value_size});
  } else {
    range.fingerprints.push_back({header.key_size, header.key_crc, sequence});
  }
}

// The highest sequence that a record can have had whose own is not known. In a log that is the next
// one; in a merged segment, where records lie in any order, it may be as new as the newest of them,
// and an older value elsewhere must not stand for it.
std::uint64_t sequence_bound(const DamagedRange& range, std::uint64_t next) {
  if (range.is_dense) return next;
  return range.last_sequence > 0 ? range.last_sequence : UINT64_MAX;
}

// Of a record whose header is damaged and that has `room` bytes at most, all of them if it is the
// last one there; it is taken for that where it cannot have the size that it says.
std::uint32_t value_size_of(std::string_view key, const RecordHeader& raw, std::uint64_t room,
                            bool is_last) {
  const std::uint64_t before = format::kRecordHeaderSize + key.size();
  if (!is_last && format::padded(before + raw.value_size) <= room) return raw.value_size;
  return room > before ? static_cast<std::uint32_t>(room - before) : 0;
}

// What lies in the wrong place may count a sequence beyond those that were in the range, and what
// was cut off reached beyond its end.
void keep_in_bounds(DamagedRange& range) {
  for (DamagedRange::Key& key : range.keys) {
    const std::uint64_t size = format::kRecordHeaderSize + key.key.size() + key.value_size;
    if (key.offset + size > range.offset + range.size) key.value_size = 0;
  }
  if (range.last_sequence == 0) return;
  for (DamagedRange::Key& key : range.keys) {
    key.sequence = std::clamp(key.sequence, range.first_sequence,
                              std::max(range.first_sequence, range.last_sequence));
  }
}

}  // namespace

void visit_batch(std::string_view body, std::uint64_t offset, std::uint64_t sequence,
                 const RecordVisitor& visit, DamagedRange* range) {
  std::size_t at = 0;
  while (at < body.size()) {
    RecordHeader header;
    const std::string_view rest = body.substr(at);
    const std::uint64_t member_offset = offset + format::kRecordHeaderSize + at;
    const bool is_valid =
        format::decode_record_header(rest, 0, header) == format::HeaderState::kValid &&
        format::is_data(header.type) && format::record_size(header) <= rest.size();
    if (!is_valid) {
      // Where this member ends is not known any more, so neither are those behind it.
      if (range != nullptr) {
        if (rest.size() >= format::kRecordHeaderSize) {
          const RecordHeader raw = format::raw_record_header(rest);
          if (auto key = identify_key(raw, rest.substr(format::kRecordHeaderSize))) {
            range->keys.push_back({std::string(*key), member_offset, sequence});
            const std::uint64_t size =
                format::padded(format::kRecordHeaderSize + key->size() + raw.value_size);
            RecordHeader next;
            const bool is_right =
                size == rest.size() ||
                (size < rest.size() && format::decode_record_header(rest.substr(size), 0, next) ==
                                           format::HeaderState::kValid);
            if (is_right) range->keys.back().value_size = raw.value_size;
            if (size == rest.size()) return;
            if (is_right) {
              at += size;
              continue;
            }
          }
        }
        range->is_blind = true;
      }
      return;
    }
    const std::string_view member =
        rest.substr(format::kRecordHeaderSize, std::size_t{header.key_size} + header.value_size);
    if (range == nullptr || format::body_is_intact(header, member)) {
      visit({member.substr(0, header.key_size), sequence, member_offset, header.value_size,
             header.type});
    } else {
      note_damaged(header, member, member_offset, sequence, *range);
    }
    at += format::record_size(header);
  }
}

Result<void> identify_damage(SegmentWindow& window, DamagedRange& range,
                             const RecordVisitor& visit) {
  const std::uint64_t end = range.offset + range.size;
  std::uint64_t at = range.offset;
  std::uint64_t sequence = range.first_sequence;
  while (at < end) {
    auto frame = window.frame(at);
    if (!frame) return tl::unexpected(std::move(frame).error());
    std::uint64_t size = 0;
    if (frame->state == Frame::State::kIntact || frame->state == Frame::State::kBodyDamaged) {
      sequence = frame->header.sequence;
      size = format::record_size(frame->header);
      if (frame->header.type == RecordType::kBatch) {
        visit_batch(frame->body, at, sequence, visit, &range);
        sequence += 1;
      } else if (format::is_data(frame->header.type)) {
        note_damaged(frame->header, frame->body, at, sequence, range);
        sequence += 1;
      } else if (format::is_system(frame->header.type)) {
        sequence += 1;  // no key is hidden by it
      }
    } else {
      constexpr std::size_t kLook = format::kRecordHeaderSize + kKeySizeMax;
      auto bytes =
          window.view(at, static_cast<std::size_t>(std::min<std::uint64_t>(kLook, end - at)));
      if (!bytes) return tl::unexpected(std::move(bytes).error());
      std::optional<std::string_view> key;
      RecordHeader raw;
      if (bytes->size() >= format::kRecordHeaderSize) {
        raw = format::raw_record_header(*bytes);
        key = identify_key(raw, bytes->substr(format::kRecordHeaderSize));
      }
      if (!key) break;
      size = format::padded(format::kRecordHeaderSize + key->size() + raw.value_size);
      const bool is_last = range.is_dense && sequence == range.last_sequence;
      range.keys.push_back({std::string(*key), at, sequence_bound(range, sequence),
                            value_size_of(*key, raw, end - at, is_last)});
      sequence += 1;
    }
    if (size > end - at) break;
    at += size;
  }
  // Sequences of a log are dense: when as many records were told apart as are missing, none is
  // hidden. In a merged segment only an unbroken run of records shows that.
  const bool counts = range.is_dense && range.last_sequence > 0;
  if (counts ? sequence <= range.last_sequence : at != end) range.is_blind = true;
  keep_in_bounds(range);
  return {};
}

}  // namespace kv::engine
