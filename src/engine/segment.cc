#include "engine/segment.h"

#include <algorithm>

#include <fmt/format.h>

namespace kv::engine {

namespace {

// Members of a batch are sealed by the batch's checksum and carry no salt of their own.
std::uint64_t salt_of(std::string_view header, std::uint64_t segment_salt) {
  constexpr std::size_t kFlagsAt = 11;
  const bool is_member = (static_cast<unsigned char>(header[kFlagsAt]) & format::kFlagInBatch) != 0;
  return is_member ? 0 : segment_salt;
}

}  // namespace

Error Segment::damaged(std::uint64_t offset, std::string_view what) const {
  return Error{Errc::kCorruption, fmt::format("segment={} offset={} {}", path_, offset, what), {}};
}

Result<format::RecordHeader> Segment::read_header(const io::File& file, Place place,
                                                  ReadMode mode) const {
  char bytes[format::kRecordHeaderSize];
  auto got = file.read_at(place.offset(), bytes, sizeof bytes, mode);
  if (!got) return tl::unexpected(std::move(got).error());
  const std::string_view view(bytes, *got);
  format::RecordHeader header;
  if (view.size() < sizeof bytes ||
      format::decode_record_header(view, salt_of(view, salt_), header) !=
          format::HeaderState::kValid) {
    return tl::unexpected(damaged(place.offset(), "record header fails its checksum"));
  }
  return header;
}

Result<RecordView> Segment::read(const io::File& file, Place place, ReadMode mode,
                                 std::string& buffer) const {
  // The size hint is never below the record's size, so one read is enough. It may reach past the
  // end of the file.
  const std::size_t wanted = std::max<std::size_t>(place.size_hint(), format::kRecordHeaderSize);
  if (buffer.size() < wanted) buffer.resize(wanted);
  auto got = file.read_at(place.offset(), buffer.data(), wanted, mode);
  if (!got) return tl::unexpected(std::move(got).error());
  return parse(std::string_view(buffer.data(), *got), place);
}

Result<RecordView> Segment::parse(std::string_view bytes, Place place) const {
  RecordView record;
  if (bytes.size() < format::kRecordHeaderSize ||
      format::decode_record_header(bytes, salt_of(bytes, salt_), record.header) !=
          format::HeaderState::kValid) {
    return tl::unexpected(damaged(place.offset(), "record header fails its checksum"));
  }
  const std::size_t body_size =
      std::size_t{record.header.key_size} + std::size_t{record.header.value_size};
  if (bytes.size() - format::kRecordHeaderSize < body_size) {
    return tl::unexpected(damaged(place.offset(), "record ends before its length"));
  }
  const std::string_view body = bytes.substr(format::kRecordHeaderSize, body_size);
  if (!format::body_is_intact(record.header, body)) {
    return tl::unexpected(damaged(place.offset(), "record fails its checksum"));
  }
  record.key = body.substr(0, record.header.key_size);
  record.value = body.substr(record.header.key_size);
  return record;
}

}  // namespace kv::engine
