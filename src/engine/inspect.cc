#include "engine/inspect.h"

#include <algorithm>

#include "engine/damage.h"
#include "engine/segment_load.h"
#include "format/filter.h"

namespace kv::engine {

namespace {

// One search through the segments of one key.
class Search {
 public:
  Search(DataDirectory& dir, SegmentTable& table, std::string_view key)
      : table_(table), key_(key), dir_(dir), manifest_(dir.manifest().state()) {}

  Result<void> look_into(Segment& segment) {
    found_.segments += 1;
    if (is_ruled_out(segment)) {
      found_.segments_skipped += 1;
      return {};
    }
    bool is_damaged = segment.is_damaged;
    if (auto read = scan(segment, is_damaged); !read) return read;
    if (is_damaged) found_.damaged_segments.push_back(format::number(segment.id()));
    return {};
  }

  // Of the record at `place`, if it was found: it is the one that counts.
  bool mark_current(Place place) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      found_.records[i].is_current = places_[i] == place;
      if (places_[i] == place) return true;
    }
    return false;
  }

  Inspection take() {
    // A record that was just moved may be in both places.
    std::ranges::stable_sort(found_.records, [](const auto& a, const auto& b) {
      return a.version != b.version ? a.version > b.version : a.is_current && !b.is_current;
    });
    return std::move(found_);
  }

 private:
  bool is_ruled_out(const Segment& segment) const {
    if (!segment.is_sealed || segment.is_damaged) return false;
    const auto info = manifest_.segments.find(segment.id());
    if (info == manifest_.segments.end()) return false;
    const auto filter = read_hint_filter(dir_, info->second);
    return filter && !format::filter_may_contain(*filter, key_);
  }

  Result<void> scan(Segment& segment, bool& is_damaged) {
    auto file = table_.file(segment);
    if (!file) return tl::unexpected(std::move(file).error());
    SegmentWindow window(**file, segment.size, segment.salt());
    for (std::uint64_t at = format::kSegmentHeaderSize; at < window.size();) {
      auto frame = window.frame(at);
      if (!frame) return tl::unexpected(std::move(frame).error());
      if (frame->state != Frame::State::kIntact) {
        if (!segment.is_sealed) return {};  // on its way to the disk
        is_damaged = true;
        auto next = window.next_intact(at + 1, at);
        if (!next) return tl::unexpected(std::move(next).error());
        continue;
      }
      take_frame(segment, *frame, at);
      at += format::record_size(frame->header);
    }
    return {};
  }

  void take_frame(const Segment& segment, const Frame& frame, std::uint64_t offset) {
    const format::RecordHeader& header = frame.header;
    if (header.type == format::RecordType::kSyncMark || format::is_system(header.type)) return;
    if (header.type == format::RecordType::kBatch) {
      const RecordVisitor visit = [&](const ScannedRecord& record) { add(segment, record); };
      visit_batch(frame.body, offset, header.sequence, visit, nullptr);
      return;
    }
    const std::string_view key = frame.body.substr(0, header.key_size);
    add(segment, {key, header.sequence, offset, header.value_size, header.type});
  }

  void add(const Segment& segment, const ScannedRecord& record) {
    if (record.key != key_) return;
    format::RecordHeader header;
    header.key_size = static_cast<std::uint32_t>(key_.size());
    header.value_size = record.value_size;
    const std::uint64_t bytes = format::record_size(header);
    Inspection::Record one;
    one.segment = format::number(segment.id());
    one.is_in_merged = segment.kind() == format::SegmentKind::kMerged;
    one.offset = record.offset;
    one.bytes = bytes;
    one.value_size = record.value_size;
    one.version = record.sequence;
    one.is_delete = record.type == format::RecordType::kDelete;
    found_.records.push_back(one);
    places_.emplace_back(segment.slot(), record.offset, bytes);
  }

  SegmentTable& table_;
  const std::string_view key_;
  DataDirectory& dir_;
  const format::ManifestState manifest_;
  Inspection found_;
  std::vector<Place> places_;  // of found_.records
};

}  // namespace

Result<Inspection> inspect(DataDirectory& dir, SegmentTable& table, const Index& index,
                           std::string_view key) {
  // A write or a merge may take the key elsewhere meanwhile; then it is looked for again.
  constexpr int kTriesMax = 3;
  for (int tries = 1;; ++tries) {
    const auto pinned = table.pin();
    Search search(dir, table, key);
    const auto segments = table.all();  // outlives the loop
    for (const auto& segment : *segments) {
      if (auto looked = search.look_into(*segment); !looked) {
        return tl::unexpected(std::move(looked).error());
      }
    }
    const auto place = index.find(key);
    if (!place || search.mark_current(*place) || tries == kTriesMax) return search.take();
  }
}

}  // namespace kv::engine
