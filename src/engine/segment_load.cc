#include "engine/segment_load.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/checksum.h"
#include "engine/planted.h"
#include "engine/segment_keys.h"

namespace kv::engine {

namespace {

void tell(EventListener* listener, Event::Level level, std::string_view name, std::string details) {
  if (listener != nullptr) listener->on_event({level, name, std::move(details)});
}

void tell_damage(EventListener* listener, const std::string& path, const DamagedRange& range) {
  tell(listener, Event::Level::kError, "damage found",
       fmt::format("segment={} offset={} size={} first_sequence={} last_sequence={} keys={} "
                   "unknown_keys={}",
                   path, range.offset, range.size, range.first_sequence, range.last_sequence,
                   range.keys.size(),
                   range.is_blind ? "some" : std::to_string(range.fingerprints.size())));
}

// The hint's content if it belongs to exactly this state of the segment.
std::optional<OpenHint> read_hint(DataDirectory& dir, const format::SegmentInfo& info,
                                  EventListener* listener) {
  const std::string path = dir.hint_path(info.id);
  auto is_there = dir.fs().exists(path);
  if (!is_there || !*is_there) return std::nullopt;
  auto content = io::read_file(dir.fs(), path);
  if (!content) {
    tell(listener, Event::Level::kWarning, "hint unreadable",
         fmt::format("file={} reason=\"{}\" action=scan", path, describe(content.error())));
    return std::nullopt;
  }
  auto hint = OpenHint::open(std::move(*content));
  const bool is_valid = hint && (hint->reader.binding() == binding_of(info, info.salt) ||
                                 is_planted(Bug::kTrustAnyHint));
  if (!is_valid) {
    tell(listener, Event::Level::kWarning, "hint not valid",
         fmt::format("file={} reason=\"{}\" action=scan", path,
                     hint ? "it belongs to another state of the segment" : hint.error().context));
    return std::nullopt;
  }
  return std::move(*hint);
}

bool is_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// A whole segment, or its end, is gone.
DamagedRange lost_range(const format::SegmentInfo& info, std::uint64_t offset) {
  DamagedRange range;
  range.offset = offset;
  range.size = info.size - offset;
  range.first_sequence = info.first_sequence;
  range.last_sequence = info.last_sequence;
  range.is_blind = true;
  return range;
}

}  // namespace

Result<OpenHint> OpenHint::open(std::string content) {
  auto kept = std::make_unique<const std::string>(std::move(content));
  auto reader = format::HintReader::open(*kept);
  if (!reader) return tl::unexpected(std::move(reader).error());
  return OpenHint{std::move(kept), std::move(*reader)};
}

format::HintBinding binding_of(const format::SegmentInfo& info, std::uint64_t salt) {
  return {info.id,      salt,          info.size, info.first_sequence, info.last_sequence,
          info.records, info.end_chain};
}

Result<format::SegmentHeader> load_header(const io::File& file, const DataDirectory& dir,
                                          const format::SegmentInfo& info,
                                          std::uint64_t first_sequence, std::uint64_t chain,
                                          EventListener* listener) {
  char bytes[format::kSegmentHeaderSize];
  auto got = file.read_at(0, bytes, sizeof bytes);
  if (!got) return tl::unexpected(std::move(got).error());
  auto header = format::decode_segment_header({bytes, *got});
  if (!header && header.error().code == Errc::kNewerFormat) {
    return tl::unexpected(
        Error{Errc::kNewerFormat, file.path() + ": " + header.error().context, {}});
  }
  const bool is_ours = header && header->id == info.id && header->salt == info.salt &&
                       header->database_id_hash == format::database_id_hash(dir.identity());
  if (is_ours) return *header;
  // An empty file is one that was never used: nothing to report, and so are zeros ahead of records
  // that never came. In one that was not sealed a crash may have torn the header; records that it
  // should have kept are told when they are missed.
  if (*got > 0 && (info.is_sealed || !is_zero({bytes, *got}))) {
    const auto level = info.is_sealed ? Event::Level::kError : Event::Level::kWarning;
    tell(listener, level, "segment header damaged",
         fmt::format("segment={} offset=0 action=\"rebuilt from the MANIFEST\"", file.path()));
  }
  return format::SegmentHeader{info.kind,
                               info.id,
                               info.salt,
                               first_sequence,
                               0,
                               chain,
                               format::database_id_hash(dir.identity())};
}

Result<SegmentScan> scan_keys(const io::File& file, const ScanRequest& request, SegmentKeys& keys) {
  auto scan =
      scan_segment(file, request, [&keys](const ScannedRecord& record) { keys.add(record); });
  if (!scan) return scan;
  for (const DamagedRange& range : scan->damaged) {
    for (const DamagedRange::Key& key : range.keys) keys.add_damaged(key);
  }
  return scan;
}

Result<std::string> read_hint_filter(DataDirectory& dir, const format::SegmentInfo& info) {
  auto file = dir.fs().open(dir.hint_path(info.id), io::OpenMode::kRead);
  if (!file) return tl::unexpected(std::move(file).error());
  std::string head(format::kHintHeaderSize, '\0');
  auto got = (*file)->read_at(0, head.data(), head.size());
  if (!got) return tl::unexpected(std::move(got).error());
  head.resize(*got);
  auto at = format::locate_hint_filter(head);
  if (!at) return tl::unexpected(std::move(at).error());
  if (at->binding != binding_of(info, info.salt)) {
    return tl::unexpected(Error{
        Errc::kCorruption, (*file)->path() + ": belongs to another state of the segment", {}});
  }
  std::string filter(static_cast<std::size_t>(at->size), '\0');
  got = (*file)->read_at(at->offset, filter.data(), filter.size());
  if (!got) return tl::unexpected(std::move(got).error());
  if (*got != filter.size() || base::crc32c(filter) != at->crc) {
    return tl::unexpected(Error{Errc::kCorruption, (*file)->path() + ": filter damaged", {}});
  }
  return filter;
}

void write_hint(io::FileSystem& fs, const std::string& path, std::string_view content,
                EventListener* listener) {
  if (auto written = io::replace_file(fs, path, content); !written) {
    tell(listener, Event::Level::kWarning, "hint not written",
         fmt::format("file={} reason=\"{}\"", path, describe(written.error())));
  }
}

Result<LoadedSegment> load_sealed(DataDirectory& dir, const format::SegmentInfo& info,
                                  EventListener* listener) {
  LoadedSegment out;
  out.info = info;
  out.path = dir.segment_path(info.id);
  auto hint = read_hint(dir, info, listener);
  if (hint) {
    out.keys = std::move(*hint);
    out.is_by_hint = true;
  }

  auto is_there = dir.fs().exists(out.path);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  std::uint64_t size = 0;
  std::unique_ptr<io::File> file;
  if (*is_there) {
    auto opened = dir.fs().open(out.path, io::OpenMode::kRead);
    if (!opened) return tl::unexpected(std::move(opened).error());
    file = std::move(*opened);
    auto file_size = file->size();
    if (!file_size) return tl::unexpected(std::move(file_size).error());
    size = *file_size;
  }
  if (size < info.size) {
    tell(listener, Event::Level::kError, *is_there ? "segment too short" : "segment missing",
         fmt::format("segment={} size={} expected={} keys=\"{}\"", out.path, size, info.size,
                     out.is_by_hint ? "known by its hint" : "unknown"));
  }
  // With a hint every key is known, and reading a damaged one tells.
  if (out.is_by_hint) {
    out.bytes_lost = info.size - std::min(size, info.size);
    return out;
  }

  SegmentKeys keys;
  if (file) {
    auto header =
        load_header(*file, dir, info, info.first_sequence, format::kChainUnknown, listener);
    if (!header) return tl::unexpected(std::move(header).error());
    out.header = *header;
    const ScanRequest request{ScanMode::kSealed, std::min(size, info.size), out.header,
                              info.last_sequence, 0};
    auto scan = scan_keys(*file, request, keys);
    if (!scan) return tl::unexpected(std::move(scan).error());
    out.damaged = std::move(scan->damaged);
  }
  if (size < info.size) out.damaged.push_back(lost_range(info, size));
  for (const DamagedRange& range : out.damaged) tell_damage(listener, out.path, range);
  auto made = OpenHint::open(std::move(keys).hint(binding_of(info, info.salt)));
  if (!made) return tl::unexpected(std::move(made).error());
  out.keys = std::move(*made);
  if (out.damaged.empty())
    write_hint(dir.fs(), dir.hint_path(info.id), *out.keys->content, listener);
  return out;
}

}  // namespace kv::engine
