#include "engine/record_repair.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "engine/index_window.h"
#include "engine/segment_window.h"
#include "format/segment.h"

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

// A member of a batch is sealed by the batch's checksum, too: anything else in its place would
// leave the batch damaged.
enum class Lay { kAlone, kMember, kUnknown };

// By the records before it. Unknown: what lies right before it is damaged as well.
Lay by_those_before(const io::File& file, const Segment& segment, std::uint64_t place) {
  SegmentWindow window(file, segment.size, segment.salt());
  std::uint64_t at = format::kSegmentHeaderSize;
  while (at < place) {
    auto frame = window.frame(at);
    if (!frame) return Lay::kUnknown;
    if (frame->state == Frame::State::kIntact || frame->state == Frame::State::kBodyDamaged) {
      const std::uint64_t end = at + format::record_size(frame->header);
      const bool is_batch = frame->header.type == format::RecordType::kBatch;
      if (end > place) return is_batch ? Lay::kMember : Lay::kUnknown;
      at = end;
      continue;
    }
    frame = window.next_intact(at, at);
    if (!frame || at >= place) return Lay::kUnknown;
  }
  return Lay::kAlone;
}

// By what is left of its header, if that is enough.
Lay how_it_lies(const io::File& file, const Segment& segment, std::uint64_t place,
                std::string_view alone, std::string_view member) {
  constexpr std::size_t kMuch = 4;  // bytes: more than damage makes by chance
  std::string there(format::kRecordHeaderSize, '\0');
  if (!file.read_at(place, there.data(), there.size())) {
    return by_those_before(file, segment, place);
  }
  const auto far = [&](std::string_view one) {
    return differences(one.substr(0, there.size()), there);
  };
  if (far(alone) + kMuch <= far(member)) return Lay::kAlone;
  if (far(member) + kMuch <= far(alone)) return Lay::kMember;
  return by_those_before(file, segment, place);
}

}  // namespace

bool RecordRepair::is_readable(Segment& segment, std::string_view key, Place place,
                               std::string& buffer) const {
  auto file = table_.file(segment);
  if (!file) return false;
  const auto record = segment.read(**file, place, ReadMode::kMayBlock, buffer);
  return record && record->key == key;
}

void RecordRepair::find_some(Search& search, const Index::Snapshot& snapshot) const {
  std::map<std::uint32_t, std::shared_ptr<Segment>> segments;
  for (const auto& one : search.segments) {
    if (auto segment = one.lock()) segments.emplace(segment->slot(), std::move(segment));
  }
  const std::size_t found_before = search.found.size();
  std::uint64_t bytes = 0;
  std::size_t keys = 0;
  std::string buffer;
  IndexWindow window;
  while (!search.is_over && keys < kKeysPerStep && bytes < kBytesPerStep &&
         search.found.size() - found_before < kLossesPerStep) {
    window.clear();
    search.is_over = !index_.scan({search.next, {}, false}, snapshot, kKeysAtOnce, window);
    keys += kKeysAtOnce;
    for (std::size_t i = 0; i < window.size(); ++i) {
      const Place place = window.place(i);
      const auto found = segments.find(place.slot());
      if (found == segments.end()) continue;
      bytes += place.size_hint();
      const Loss loss{std::string(window.key(i)), place, found->second, snapshot.sequence()};
      // A merge may have moved it.
      if (!segment_of(loss) || is_readable(*found->second, loss.key, place, buffer)) continue;
      if (segment_of(loss)) search.found.push_back(loss);
    }
    if (!window.empty()) search.next = std::string(window.key(window.size() - 1)) + '\0';
  }
}

std::shared_ptr<Segment> RecordRepair::segment_of(const Loss& loss) const {
  auto segment = loss.segment.lock();
  const bool is_there =
      segment && index_.find(loss.key) == loss.place && table_.find(loss.place.slot()) == segment;
  return is_there ? segment : nullptr;
}

Result<bool> RecordRepair::restore(const Loss& loss, const format::RecordHeader& header,
                                   std::string_view value) const {
  std::string buffer;
  const auto segment = segment_of(loss);
  if (!segment || is_readable(*segment, loss.key, loss.place, buffer)) return false;
  const auto mismatch = [&](std::string_view what) {
    return tl::unexpected(
        Error{Errc::kCorruption,
              fmt::format("segment={} offset={} {}", segment->path(), loss.place.offset(), what),
              {}});
  };
  if (header.sequence > loss.as_of || header.sequence < segment->first_sequence ||
      header.sequence > segment->last_sequence) {
    return mismatch("that version of the key never lay here");
  }
  const std::string alone = encode(header, 0, loss.key, value, segment->salt());
  if (Place(loss.place.slot(), loss.place.offset(), alone.size()) != loss.place) {
    return mismatch("another record lies here than the other node has of the key");
  }
  auto file = fs_.open(segment->path(), io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::string member = encode(header, format::kFlagInBatch, loss.key, value, 0);
  const Lay lay = segment->kind() == format::SegmentKind::kLog
                      ? how_it_lies(**file, *segment, loss.place.offset(), alone, member)
                      : Lay::kAlone;
  if (lay == Lay::kUnknown) return mismatch("whether it is one of a batch cannot be told any more");
  const std::string& bytes = lay == Lay::kMember ? member : alone;
  std::string there(format::kRecordHeaderSize, '\0');
  const auto got = (*file)->read_at(loss.place.offset(), there.data(), there.size());
  format::RecordHeader known;
  const bool is_header_sound =
      got && format::decode_record_header(there, lay == Lay::kMember ? 0 : segment->salt(),
                                          known) == format::HeaderState::kValid;
  if (is_header_sound && std::string_view(bytes).substr(0, there.size()) != there) {
    return mismatch("another version lies here than the other node has of the key");
  }
  const std::string_view buffers[] = {bytes};
  if (auto written = (*file)->write_at(loss.place.offset(), buffers); !written) {
    return tl::unexpected(std::move(written).error());
  }
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(std::move(synced).error());
  if (!is_readable(*segment, loss.key, loss.place, buffer)) {
    return mismatch("what was written there cannot be read back");
  }
  return true;
}

}  // namespace kv::engine
