#include "engine/salvage.h"

#include <algorithm>
#include <memory>
#include <set>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "engine/database_files.h"
#include "engine/merge_output.h"
#include "engine/merge_remains.h"
#include "engine/segment_check.h"
#include "engine/segment_scan.h"
#include "format/names.h"

namespace kv::engine {

namespace {

constexpr std::uint64_t kOutputSizeMax = 128 * 1024 * 1024;

Error stopped() { return {Errc::kClosed, "stopped; the new database is not complete", {}}; }

// Two passes over the source: the first finds the newest intact record of each key, the second
// copies those.
class Salvage {
 public:
  Salvage(io::FileSystem& fs, const std::string& from, const std::string& to,
          const SalvageOptions& options)
      : fs_(fs), from_(from), to_(to), options_(options) {}

  Result<SalvageReport> run() {
    if (auto empty = check_target(); !empty) return tl::unexpected(std::move(empty).error());
    auto lock = fs_.lock_shared(from_ + "/" + std::string(format::kLockName));
    if (!lock) return tl::unexpected(std::move(lock).error());
    auto files = read_database_files(fs_, from_);
    if (!files) return tl::unexpected(std::move(files).error());
    report_.findings = std::move(files->findings);
    report_.notes = std::move(files->notes);
    choose_segments(*files);
    if (sources_.empty()) {
      return tl::unexpected(
          Error{Errc::kNotADatabase, from_ + " holds no segment that can be read", {}});
    }
    database_id_hash_ = files->database_id_hash();
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (auto read = read_segment(i); !read) return tl::unexpected(std::move(read).error());
    }
    if (auto written = write_all(); !written) return tl::unexpected(std::move(written).error());
    sum_up();
    return std::move(report_);
  }

 private:
  struct Source {
    format::SegmentInfo info;
    std::string path;
    std::unique_ptr<io::File> file;
    std::uint64_t size = 0;
  };
  struct Newest {
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t source = 0;
    bool is_delete = false;
  };

  Result<void> check_target() {
    auto is_there = fs_.exists(to_);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (!*is_there) return {};
    auto names = fs_.list(to_);
    if (!names) return tl::unexpected(std::move(names).error());
    if (names->empty()) return {};
    return tl::unexpected(Error{
        Errc::kNotADatabase,
        fmt::format("{} is not empty (it holds \"{}\"); name a new directory", to_, names->front()),
        {}});
  }

  // With a MANIFEST, what it lists: a leftover of a merge could bring back what was deleted since.
  void choose_segments(const DatabaseFiles& files) {
    const format::ManifestState* state = files.manifest ? &files.manifest->state : nullptr;
    if (state == nullptr) {
      report_.notes.push_back(
          "without a MANIFEST every segment that lies there was read; where a merge was under way "
          "or its inputs were still held, keys deleted before it may be back");
    }
    std::set<format::SegmentId> ids(files.segments.begin(), files.segments.end());
    const bool has_loss = state != nullptr && !new_losses(*state, ids).empty();
    if (state != nullptr) {
      for (const auto& [id, info] : state->segments) ids.insert(id);
    }
    for (const format::SegmentId id : ids) {
      const bool is_listed = state != nullptr && state->segments.contains(id);
      // A segment made after the last edit that is left.
      const bool is_new = state != nullptr && format::number(id) >= state->next_segment;
      if (is_listed) {
        take_listed(state->segments.at(id), has_loss);
      } else if (state == nullptr || is_new) {
        take_unlisted(id);
      }
    }
  }

  // What a merge had not committed is nowhere else when its inputs are gone.
  void take_listed(const format::SegmentInfo& info, bool has_loss) {
    if (!info.is_sealed && info.kind == format::SegmentKind::kMerged && !has_loss) return;
    add_source(info);
  }

  void take_unlisted(format::SegmentId id) {
    if (const auto info = info_from_header(fs_, from_, id)) {
      add_source(*info);
    } else if (!is_spare(fs_, from_, id)) {
      lose(from_ + "/" + format::segment_name(id), "segment header damaged",
           "without its header and the MANIFEST no record in it can be told");
    }
  }

  void lose(const std::string& path, std::string what, std::string details) {
    Finding finding;
    finding.what = std::move(what);
    finding.file = path;
    finding.details = std::move(details);
    finding.has_unknown_keys = true;
    report_.findings.push_back(std::move(finding));
  }

  void add_source(const format::SegmentInfo& info) {
    Source source;
    source.info = info;
    source.path = from_ + "/" + format::segment_name(info.id);
    auto file = fs_.open(source.path, io::OpenMode::kRead);
    auto size = file ? (*file)->size() : Result<std::uint64_t>(0);
    if (!file || !size) {
      lose(source.path, "file unreadable", describe(file ? size.error() : file.error()));
      return;
    }
    source.file = std::move(*file);
    source.size = info.size_that_counts(*size);
    if (info.is_sealed && *size < info.size) {
      lose(source.path, "file too short", fmt::format("{} of {} bytes", *size, info.size));
    }
    if (source.size <= format::kSegmentHeaderSize) return;
    total_ += 2 * source.size;
    sources_.push_back(std::move(source));
  }

  Result<void> read_segment(std::size_t index) {
    const Source& source = sources_[index];
    auto header =
        read_header(*source.file, source.info, database_id_hash_.value_or(0), header_findings());
    if (!header) {
      lose(source.path, "file unreadable", describe(header.error()));
      return {};
    }
    bool goes_on = true;
    std::uint64_t told = 0;
    const RecordVisitor visit = [&](const ScannedRecord& record) {
      note(record, index);
      constexpr std::uint64_t kTellEvery = 1024 * 1024;
      if (record.offset < told + kTellEvery) return;
      goes_on = goes_on && tell(record.offset - told);
      told = record.offset;
    };
    const ScanRequest request{.mode = ScanMode::kSealed,
                              .size = source.size,
                              .header = *header,
                              .last_sequence = source.info.last_sequence,
                              .synced_elsewhere = 0,
                              .may_end_in_zeros = !source.info.is_sealed};
    auto scan = scan_segment(*source.file, request, visit);
    if (!goes_on) return tl::unexpected(stopped());
    if (!scan) {
      lose(source.path, "file unreadable", describe(scan.error()));
      return {};
    }
    report_.segments += 1;
    report_.records += scan->records;
    if (source.info.is_sealed) name_keys_by_hint(fs_, from_, source.info, scan->damaged);
    for (const DamagedRange& range : scan->damaged) {
      report_.findings.push_back(finding_of(source.path, range));
      for (const DamagedRange::Key& key : range.keys) {
        auto& sequence = damaged_[key.key];
        sequence = std::max(sequence, key.sequence);
      }
    }
    return tell(source.size - told) ? Result<void>() : tl::unexpected(stopped());
  }

  // Without identity and MANIFEST no header can be compared with its database.
  std::vector<Finding>& header_findings() {
    return database_id_hash_ ? report_.findings : unused_findings_;
  }

  bool tell(std::uint64_t bytes) {
    done_ += bytes;
    return !options_.progress || options_.progress(std::min(done_, total_), total_);
  }

  // What is left of a session may be older than its newest requests, which would be done again.
  void note(const ScannedRecord& record, std::size_t source) {
    if (is_reserved_key(record.key)) return;
    Newest& newest = newest_[std::string(record.key)];
    if (record.sequence < newest.sequence) return;
    newest.sequence = record.sequence;
    newest.offset = record.offset;
    newest.size = format::padded(format::kRecordHeaderSize + record.key.size() + record.value_size);
    newest.source = static_cast<std::uint32_t>(source);
    newest.is_delete = record.type == format::RecordType::kDelete;
  }

  // In the order in which they lie on the disk.
  std::vector<const Newest*> in_order() const {
    std::vector<const Newest*> order;
    order.reserve(newest_.size());
    for (const auto& [key, newest] : newest_) order.push_back(&newest);
    std::sort(order.begin(), order.end(), [](const Newest* a, const Newest* b) {
      return a->source != b->source ? a->source < b->source : a->offset < b->offset;
    });
    return order;
  }

  Result<void> write_all() {
    auto dir = DataDirectory::open(fs_, to_, "", true, nullptr);
    if (!dir) return tl::unexpected(std::move(dir).error());
    SegmentTable table(fs_, 8);
    std::unique_ptr<MergeOutput> output;
    for (const Newest* newest : in_order()) {
      if (output && output->size() >= kOutputSizeMax) {
        if (auto sealed = seal(**dir, *output); !sealed) return sealed;
        output.reset();
      }
      if (!output) {
        auto made = MergeOutput::create(**dir, table);
        if (!made) return tl::unexpected(std::move(made).error());
        output = std::move(*made);
      }
      if (auto copied = copy(*newest, *output); !copied) return copied;
    }
    return output ? seal(**dir, *output) : Result<void>();
  }

  static Result<void> seal(DataDirectory& dir, MergeOutput& output) {
    if (auto done = output.finish(); !done) return done;
    const format::Edit edits[] = {output.seal_edit()};
    return dir.manifest().append(edits);
  }

  Result<void> copy(const Newest& newest, MergeOutput& output) {
    const Source& source = sources_[newest.source];
    const Segment segment(newest.source, source.path, source.info.id, source.info.kind,
                          source.info.salt);
    auto record = segment.read(*source.file, Place(newest.source, newest.offset, newest.size),
                               ReadMode::kMayBlock, buffer_);
    if (!record) return tl::unexpected(std::move(record).error());  // it was intact a moment ago
    auto place = output.append(record->header, record->key, record->value);
    if (!place) return tl::unexpected(std::move(place).error());
    (newest.is_delete ? report_.deletes : report_.keys) += 1;
    return tell(newest.size) ? Result<void>() : tl::unexpected(stopped());
  }

  void sum_up() {
    for (const auto& [key, sequence] : damaged_) {
      if (is_reserved_key(key)) continue;
      const auto found = newest_.find(key);
      if (found == newest_.end()) {
        report_.keys_lost.push_back(key);
      } else if (found->second.sequence < sequence) {
        report_.keys_older.push_back(key);
      }
    }
    std::sort(report_.keys_lost.begin(), report_.keys_lost.end());
    std::sort(report_.keys_older.begin(), report_.keys_older.end());
    report_.has_unknown_losses =
        std::any_of(report_.findings.begin(), report_.findings.end(),
                    [](const Finding& finding) { return finding.has_unknown_keys; });
  }

  io::FileSystem& fs_;
  const std::string& from_;
  const std::string& to_;
  const SalvageOptions& options_;
  SalvageReport report_;
  std::vector<Finding> unused_findings_;
  std::optional<std::uint64_t> database_id_hash_;
  std::vector<Source> sources_;
  absl::flat_hash_map<std::string, Newest> newest_;
  absl::flat_hash_map<std::string, std::uint64_t> damaged_;  // newest damaged record of each
  std::string buffer_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<SalvageReport> salvage_database(io::FileSystem& fs, const std::string& from,
                                       const std::string& to, const SalvageOptions& options) {
  return Salvage(fs, from, to, options).run();
}

}  // namespace kv::engine

namespace kv {

Result<SalvageReport> salvage(const std::filesystem::path& from, const std::filesystem::path& to,
                              const SalvageOptions& options) {
  return engine::salvage_database(io::posix_file_system(), from.string(), to.string(), options);
}

}  // namespace kv
