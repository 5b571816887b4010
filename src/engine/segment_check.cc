#include "engine/segment_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/paced_file.h"
#include "engine/segment_load.h"
#include "format/names.h"

namespace kv::engine {

namespace {

Finding finding(std::string what, const std::string& file, std::string details) {
  Finding out;
  out.what = std::move(what);
  out.file = file;
  out.details = std::move(details);
  return out;
}

// The whole segment, or its end, as the MANIFEST knows it.
Finding lost(std::string what, const std::string& path, const format::SegmentInfo& info,
             std::uint64_t offset) {
  Finding out =
      finding(std::move(what), path, fmt::format("{} of {} bytes are there", offset, info.size));
  out.offset = offset;
  out.size = info.size - offset;
  out.first_version = info.first_sequence;
  out.last_version = info.last_sequence;
  out.has_unknown_keys = true;
  return out;
}

// One segment on its way through the check.
class Check {
 public:
  Check(const SegmentChecker& checker, const format::SegmentInfo& info)
      : checker_(checker), info_(info), path_(checker.dir + "/" + format::segment_name(info.id)) {}

  Result<SegmentCheck> run(ScanMode mode, std::uint64_t synced) {
    if (auto done = scan(mode, synced); !done) {
      if (done.error().code == Errc::kClosed) return tl::unexpected(std::move(done).error());
      out_.findings.push_back(finding("file unreadable", path_, describe(done.error())));
      out_.is_unreadable = true;
      return std::move(out_);
    }
    if (mode != ScanMode::kSealed) return std::move(out_);
    if (auto done = check_hint(); !done) {
      if (done.error().code == Errc::kClosed) return tl::unexpected(std::move(done).error());
      out_.findings.push_back(hint_finding("hint unreadable", describe(done.error())));
    }
    if (out_.findings.empty() && !out_.has_hint) out_.keys = std::move(keys_);
    return std::move(out_);
  }

 private:
  Result<void> scan(ScanMode mode, std::uint64_t synced) {
    auto is_there = checker_.fs.exists(path_);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (!*is_there) {
      out_.findings.push_back(lost("file missing", path_, info_, 0));
      return {};
    }
    auto file = checker_.fs.open(path_, io::OpenMode::kRead);
    if (!file) return tl::unexpected(std::move(file).error());
    auto size = (*file)->size();
    if (!size) return tl::unexpected(std::move(size).error());
    if (*size == 0 && mode == ScanMode::kUnsealed) return {};  // a spare
    if (mode == ScanMode::kUnsealed) *size = info_.size_that_counts(*size);
    auto header = read_header(**file, info_, checker_.database_id_hash, out_.findings);
    if (!header) return tl::unexpected(std::move(header).error());
    ScanRequest request{mode, *size, *header, info_.last_sequence, synced};
    if (mode == ScanMode::kSealed) request.size = std::min(*size, info_.size);
    const PacedFile paced(**file, checker_.pace);
    auto found = scan_keys(paced, request, keys_);
    if (!found) return tl::unexpected(std::move(found).error());
    out_.records += found->records;
    out_.bytes += request.size;
    take(*found, mode, *size);
    return {};
  }

  void take(SegmentScan& found, ScanMode mode, std::uint64_t size) {
    if (mode == ScanMode::kSealed) {
      name_keys_by_hint(checker_.fs, checker_.dir, info_, found.damaged);
    }
    for (const DamagedRange& range : found.damaged) {
      out_.findings.push_back(finding_of(path_, range));
    }
    if (mode == ScanMode::kUnsealed) {
      if (found.tail_size > 0) {
        out_.notes.push_back(
            fmt::format("{} ends in a torn tail at offset {}, {} bytes that were "
                        "never acknowledged as durable",
                        path_, found.end, found.tail_size));
      }
      return;
    }
    if (size < info_.size) out_.findings.push_back(lost("file too short", path_, info_, size));
    // The chain is not known behind a header that had to be rebuilt, nor in a merged segment.
    const bool is_same_log = info_.end_chain == format::kChainUnknown ||
                             found.end_chain == format::kChainUnknown ||
                             found.end_chain == info_.end_chain;
    const bool is_as_said =
        found.records == info_.records && found.last_sequence == info_.last_sequence && is_same_log;
    is_sound_ = found.damaged.empty() && size >= info_.size;
    if (is_sound_ && !is_as_said) {
      out_.findings.push_back(
          finding("segment differs from the MANIFEST", path_,
                  fmt::format("records={} expected={} last_version={} expected={}", found.records,
                              info_.records, found.last_sequence, info_.last_sequence)));
    }
  }

  // The hint of a sound segment is known to the byte.
  Result<void> check_hint() {
    const std::string path = hint_path();
    auto is_there = checker_.fs.exists(path);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    out_.has_hint = *is_there;
    if (!*is_there) return {};
    auto content = io::read_file(checker_.fs, path);
    if (!content) return tl::unexpected(std::move(content).error());
    out_.bytes += content->size();
    if (!checker_.pace.go_on(content->size())) {
      return tl::unexpected(Error{Errc::kClosed, "stopped while reading " + path, {}});
    }
    const auto reader = format::HintReader::open(*content);
    const auto binding = binding_of(info_, info_.salt);
    std::string wrong;
    if (!reader) {
      wrong = reader.error().context;
    } else if (reader->binding() != binding) {
      wrong = "it belongs to another state of the segment";
    } else if (is_sound_ && std::move(keys_).hint(binding) != *content) {
      wrong = "its entries are not those of the segment";
    }
    if (wrong.empty()) return {};
    out_.findings.push_back(hint_finding("hint damaged", wrong));
    return {};
  }

  std::string hint_path() const { return checker_.dir + "/" + format::hint_name(info_.id); }

  // It says nothing that the segment does not.
  Finding hint_finding(std::string what, const std::string& wrong) const {
    Finding told = finding(std::move(what), hint_path(), wrong + "; the next open makes it again");
    told.loses_data = false;
    return told;
  }

  const SegmentChecker& checker_;
  const format::SegmentInfo& info_;
  const std::string path_;
  SegmentCheck out_;
  SegmentKeys keys_;
  bool is_sound_ = false;
};

}  // namespace

void name_keys_by_hint(io::FileSystem& fs, const std::string& dir, const format::SegmentInfo& info,
                       std::vector<DamagedRange>& damaged) {
  if (damaged.empty()) return;
  const auto content = io::read_file(fs, dir + "/" + format::hint_name(info.id));
  if (!content) return;
  auto reader = format::HintReader::open(*content);
  if (!reader || reader->binding() != binding_of(info, info.salt)) return;
  for (DamagedRange& range : damaged) {
    range.keys.clear();
    range.fingerprints.clear();
    range.is_blind = false;
  }
  for (format::HintEntry entry; reader->next(entry);) {
    // Ranges are in the order of their offsets, and do not overlap.
    const auto after = std::upper_bound(
        damaged.begin(), damaged.end(), entry.offset,
        [](std::uint64_t offset, const DamagedRange& range) { return offset < range.offset; });
    if (after == damaged.begin()) continue;
    DamagedRange& range = *(after - 1);
    if (entry.offset < range.offset + range.size) {
      range.keys.push_back({std::string(entry.key), entry.offset, entry.sequence});
    }
  }
}

Finding finding_of(const std::string& path, const DamagedRange& range) {
  Finding out = finding("damaged records", path, "");
  out.offset = range.offset;
  out.size = range.size;
  out.first_version = range.first_sequence;
  out.last_version = range.last_sequence;
  for (const DamagedRange::Key& key : range.keys) out.keys.push_back(key.key);
  out.has_unknown_keys = range.is_blind || !range.fingerprints.empty();
  return out;
}

Result<format::SegmentHeader> read_header(const io::File& file, const format::SegmentInfo& info,
                                          std::uint64_t database_id_hash,
                                          std::vector<Finding>& findings) {
  char bytes[format::kSegmentHeaderSize];
  auto got = file.read_at(0, bytes, sizeof bytes);
  if (!got) return tl::unexpected(std::move(got).error());
  auto header = format::decode_segment_header({bytes, *got});
  const bool is_ours = header && header->id == info.id && header->salt == info.salt &&
                       header->database_id_hash == database_id_hash;
  if (is_ours) return *header;
  // Zeros ahead of records that never came are no damage.
  const bool was_written =
      std::string_view(bytes, *got).find_first_not_of('\0') != std::string_view::npos;
  if (info.is_sealed || was_written) {
    Finding told = finding("segment header damaged", file.path(),
                           header ? "it is another segment's" : header.error().context);
    told.size = format::kSegmentHeaderSize;
    told.loses_data = false;  // the MANIFEST knows all of it that matters
    findings.push_back(std::move(told));
  }
  return format::SegmentHeader{info.kind,           info.id, info.salt,
                               info.first_sequence, 0,       format::kChainUnknown,
                               database_id_hash};
}

Result<SegmentCheck> SegmentChecker::check_sealed(const format::SegmentInfo& info) const {
  return Check(*this, info).run(ScanMode::kSealed, 0);
}

Result<SegmentCheck> SegmentChecker::check_unsealed(const format::SegmentInfo& info,
                                                    std::uint64_t synced) const {
  return Check(*this, info).run(ScanMode::kUnsealed, synced);
}

}  // namespace kv::engine
