#include "engine/record_repair.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/index_window.h"

namespace kv::engine {

namespace {

constexpr std::size_t kKeysAtOnce = 1024;

// As it lies in a segment, alone or in a batch, whose members carry no salt.
std::string encode(format::RecordHeader header, std::uint8_t flags, std::string_view key,
                   std::string_view value, std::uint64_t salt) {
  std::string bytes;
  header.type = format::RecordType::kPut;
  header.flags = flags;
  append_record(bytes, header, key, value, flags == 0 ? salt : 0);
  return bytes;
}

std::size_t differences(std::string_view a, std::string_view b) {
  std::size_t count = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) count += a[i] == b[i] ? 0 : 1;
  return count;
}

}  // namespace

bool RecordRepair::is_readable(Segment& segment, std::string_view key, Place place,
                               std::string& buffer) const {
  auto file = table_.file(segment);
  if (!file) return false;
  const auto record = segment.read(**file, place, ReadMode::kMayBlock, buffer);
  return record && record->key == key;
}

std::vector<RecordRepair::Loss> RecordRepair::find(const std::set<std::uint32_t>& slots,
                                                   const Index::Snapshot& snapshot,
                                                   std::size_t max) const {
  std::vector<Loss> found;
  std::string start;
  std::string buffer;
  for (bool goes_on = true; goes_on && found.size() < max;) {
    IndexWindow window;
    goes_on = index_.scan({start, {}, false}, snapshot, kKeysAtOnce, window);
    for (std::size_t i = 0; i < window.size() && found.size() < max; ++i) {
      const Place place = window.place(i);
      if (!slots.contains(place.slot())) continue;
      const auto segment = table_.find(place.slot());
      if (!segment || !segment->is_sealed) continue;
      if (is_readable(*segment, window.key(i), place, buffer)) continue;
      // A merge may have moved it meanwhile.
      if (index_.find(window.key(i)) == place) found.push_back({std::string(window.key(i)), place});
    }
    if (!window.empty()) start = std::string(window.key(window.size() - 1)) + '\0';
  }
  return found;
}

Result<bool> RecordRepair::restore(const Loss& loss, const format::RecordHeader& header,
                                   std::string_view value) const {
  const auto segment = table_.find(loss.place.slot());
  if (!segment || !segment->is_sealed || index_.find(loss.key) != loss.place) return false;
  const auto mismatch = [&](std::string_view what) {
    return tl::unexpected(
        Error{Errc::kCorruption,
              fmt::format("segment={} offset={} {}", segment->path(), loss.place.offset(), what),
              {}});
  };
  const std::string alone = encode(header, 0, loss.key, value, segment->salt());
  if (Place(loss.place.slot(), loss.place.offset(), alone.size()) != loss.place) {
    return mismatch("another record lies here than the other node has of the key");
  }
  auto file = fs_.open(segment->path(), io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  // Damage leaves most of a header as it was.
  std::string there(format::kRecordHeaderSize, '\0');
  const auto got = (*file)->read_at(loss.place.offset(), there.data(), there.size());
  std::string_view bytes = alone;
  const std::string member = encode(header, format::kFlagInBatch, loss.key, value, 0);
  const auto far = [&](std::string_view one) {
    return differences(one.substr(0, there.size()), there);
  };
  if (segment->kind() == format::SegmentKind::kLog && got && far(member) < far(alone))
    bytes = member;
  format::RecordHeader known;
  const bool is_member = bytes.data() == member.data();
  const bool is_header_sound =
      got && format::decode_record_header(there, is_member ? 0 : segment->salt(), known) ==
                 format::HeaderState::kValid;
  if (is_header_sound && bytes.substr(0, there.size()) != there) {
    return mismatch("another version lies here than the other node has of the key");
  }
  const std::string_view buffers[] = {bytes};
  if (auto written = (*file)->write_at(loss.place.offset(), buffers); !written) {
    return tl::unexpected(std::move(written).error());
  }
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(std::move(synced).error());
  std::string buffer;
  if (!is_readable(*segment, loss.key, loss.place, buffer)) {
    return mismatch("what was written there cannot be read back");
  }
  return true;
}

}  // namespace kv::engine
