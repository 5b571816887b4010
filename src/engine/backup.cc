#include "engine/backup.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "engine/file_copy.h"
#include "engine/told_pace.h"
#include "format/manifest.h"
#include "format/names.h"

namespace kv::engine {

namespace {

using format::BackupFile;
using format::BackupList;

Error not_a_backup(std::string context) { return {Errc::kNotADatabase, std::move(context), {}}; }

std::string list_path(const std::string& dir) {
  return dir + "/" + std::string(format::kBackupListName);
}

Result<BackupList> read_list(io::FileSystem& fs, const std::string& dir) {
  auto is_there = fs.exists(list_path(dir));
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there) return tl::unexpected(not_a_backup(dir + " holds no backup"));
  auto text = io::read_file(fs, list_path(dir));
  if (!text) return tl::unexpected(std::move(text).error());
  auto list = format::decode_backup_list(*text);
  if (list) return list;
  return tl::unexpected(Error{list.error().code, list_path(dir) + ": " + list.error().context, {}});
}

// Nothing, or what an earlier backup left.
Result<void> check_empty(io::FileSystem& fs, const std::string& dir) {
  auto is_there = fs.exists(dir);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there) return {};
  auto names = fs.list(dir);
  if (!names) return tl::unexpected(std::move(names).error());
  for (const std::string& name : *names) {
    if (name == format::kLockName) continue;
    return tl::unexpected(not_a_backup(
        fmt::format("{} is not empty (it holds \"{}\"); name a new directory", dir, name)));
  }
  return {};
}

class Backup {
 public:
  Backup(io::FileSystem& fs, const BackupSource& source, const std::string& to,
         const BackupOptions& options, ReadPace& pace)
      : fs_(fs), source_(source), to_(to), options_(options), pace_(pace) {}

  Result<BackupSummary> run() {
    if (auto begun = begin(); !begun) return tl::unexpected(std::move(begun).error());
    next_.database_id = source_.identity.database_id;
    next_.version = summary_.version = source_.version;
    for (const auto& [id, info] : source_.state.segments) {
      if (!info.is_sealed) continue;
      state_.segments.emplace(id, info);
      if (auto added = add_segment(id); !added) return tl::unexpected(std::move(added).error());
    }
    if (auto written = write_small_files(); !written) {
      return tl::unexpected(std::move(written).error());
    }
    if (auto finished = finish(); !finished) return tl::unexpected(std::move(finished).error());
    return summary_;
  }

 private:
  std::string path(std::string_view name) const { return to_ + "/" + std::string(name); }

  Result<void> begin() {
    auto has_list = fs_.exists(list_path(to_));
    if (!has_list) return tl::unexpected(std::move(has_list).error());
    if (!*has_list) {
      if (auto empty = check_beginning(); !empty) return empty;
      if (auto made = fs_.create_dir(to_); !made) return made;
    }
    auto lock = fs_.lock(path(format::kLockName), "kv backup\n");
    if (!lock) return tl::unexpected(std::move(lock).error());
    lock_ = std::move(*lock);
    if (!*has_list) return {};
    auto list = read_list(fs_, to_);
    if (!list) return tl::unexpected(std::move(list).error());
    if (list->database_id != source_.identity.database_id) {
      return tl::unexpected(not_a_backup(to_ + " holds the backup of another database"));
    }
    before_ = std::move(*list);
    return {};
  }

  // Without a list only what a first backup that ended early may have left.
  Result<void> check_beginning() {
    auto is_there = fs_.exists(to_);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (!*is_there) return {};
    auto names = fs_.list(to_);
    if (!names) return tl::unexpected(std::move(names).error());
    for (const std::string& name : *names) {
      const format::FileKind kind = format::parse_name(name).kind;
      const bool is_database =
          kind == format::FileKind::kCurrent || kind == format::FileKind::kForeign;
      if (!is_database || name == std::string(format::kBackupListName) + ".tmp") continue;
      return tl::unexpected(not_a_backup(
          fmt::format("{} holds no backup, but \"{}\"; name a new directory", to_, name)));
    }
    return {};
  }

  Result<void> add_segment(format::SegmentId id) {
    if (auto added = add_file(format::segment_name(id)); !added) return added;
    auto has_hint = fs_.exists(source_.dir + "/" + format::hint_name(id));
    if (!has_hint) return tl::unexpected(std::move(has_hint).error());
    return *has_hint ? add_file(format::hint_name(id)) : Result<void>();
  }

  Result<void> add_file(const std::string& name) {
    const std::string from = source_.dir + "/" + name;
    auto size = size_of(from);
    if (!size) return tl::unexpected(std::move(size).error());
    BackupFile file{name, *size, 0};
    if (auto kept = keep(file); !kept) {
      return tl::unexpected(std::move(kept).error());
    } else if (!*kept) {
      if (auto brought = bring(from, file); !brought) return brought;
    }
    summary_.files += 1;
    summary_.bytes += file.size;
    next_.files.push_back(std::move(file));
    return {};
  }

  Result<std::uint64_t> size_of(const std::string& name) {
    auto file = fs_.open(name, io::OpenMode::kRead);
    if (!file) return tl::unexpected(std::move(file).error());
    return (*file)->size();
  }

  // A sealed segment never changes, and its id is never used again; a hint follows from it.
  Result<bool> keep(BackupFile& file) {
    const auto found = std::ranges::find(before_.files, file.name, &BackupFile::name);
    if (found == before_.files.end() || found->size != file.size) return false;
    auto is_there = fs_.exists(path(file.name));
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (!*is_there) return false;
    auto size = size_of(path(file.name));
    if (!size) return tl::unexpected(std::move(size).error());
    if (*size != file.size) return false;
    file.hash = found->hash;
    summary_.reused += 1;
    return true;
  }

  Result<void> bring(const std::string& from, BackupFile& file) {
    auto is_there = fs_.exists(path(file.name));
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (*is_there) {
      if (auto removed = fs_.remove(path(file.name)); !removed) return removed;
    }
    const bool is_linked = options_.may_link && fs_.link(from, path(file.name)).has_value();
    auto digest = is_linked ? digest_file(fs_, path(file.name), pace_)
                            : copy_file(fs_, from, path(file.name), pace_);
    if (!digest) return tl::unexpected(std::move(digest).error());
    file.size = digest->size;
    file.hash = digest->hash;
    (is_linked ? summary_.linked : summary_.copied) += 1;
    if (!is_linked) summary_.bytes_copied += digest->size;
    return {};
  }

  // The MANIFEST gets a number that no earlier backup here used, so that theirs stay whole.
  Result<void> write_small_files() {
    state_.next_segment = source_.state.next_segment;
    state_.tombstone_floor = source_.state.tombstone_floor;
    state_.sequence_floor = source_.state.sequence_floor;
    for (const format::Quarantine& range : source_.state.quarantines) {
      if (state_.segments.contains(range.id)) state_.quarantines.push_back(range);
    }
    next_.manifest_number = before_.manifest_number + 1;
    std::string manifest = format::encode_manifest_header(
        next_.manifest_number, format::database_id_hash(source_.identity));
    const auto edits = state_.edits();
    if (!edits.empty()) format::append_edits(manifest, edits, next_.manifest_number);
    if (auto done = write(format::manifest_name(next_.manifest_number), manifest); !done) {
      return done;
    }
    return write(std::string(format::kIdentityName), format::encode_identity(source_.identity));
  }

  Result<void> write(const std::string& name, const std::string& content) {
    if (auto done = io::replace_file(fs_, path(name), content); !done) return done;
    RatePace unlimited(0);
    auto digest = digest_file(fs_, path(name), unlimited);
    if (!digest) return tl::unexpected(std::move(digest).error());
    next_.files.push_back({name, digest->size, digest->hash});
    return {};
  }

  Result<void> finish() {
    if (auto synced = fs_.sync_dir(to_); !synced) return synced;
    if (auto done = io::replace_file(fs_, list_path(to_), format::encode_backup_list(next_));
        !done) {
      return done;
    }
    std::set<std::string_view> listed;
    for (const BackupFile& file : next_.files) listed.insert(file.name);
    for (const BackupFile& file : before_.files) {
      if (listed.contains(file.name)) continue;
      auto is_there = fs_.exists(path(file.name));
      if (!is_there) return tl::unexpected(std::move(is_there).error());
      if (!*is_there) continue;
      if (auto removed = fs_.remove(path(file.name)); !removed) return removed;
    }
    return {};
  }

  io::FileSystem& fs_;
  const BackupSource& source_;
  const std::string& to_;
  const BackupOptions& options_;
  ReadPace& pace_;
  std::unique_ptr<io::FileLock> lock_;
  BackupList before_;
  BackupList next_;
  format::ManifestState state_;
  BackupSummary summary_;
};

std::uint64_t bytes_of(const BackupList& list) {
  std::uint64_t bytes = 0;
  for (const BackupFile& file : list.files) bytes += file.size;
  return bytes;
}

Finding damaged(const std::string& path, std::string what, std::string details) {
  Finding finding;
  finding.what = std::move(what);
  finding.file = path;
  finding.details = std::move(details);
  finding.has_unknown_keys = true;
  return finding;
}

Result<void> check_file(io::FileSystem& fs, const std::string& path, const BackupFile& file,
                        ReadPace& pace, VerifyReport& report) {
  auto is_there = fs.exists(path);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there) {
    report.findings.push_back(damaged(path, "file missing", ""));
    return {};
  }
  auto digest = digest_file(fs, path, pace);
  if (!digest && digest.error().code == Errc::kClosed) {
    return tl::unexpected(std::move(digest).error());
  }
  if (!digest) {
    report.findings.push_back(damaged(path, "file unreadable", describe(digest.error())));
    return {};
  }
  report.bytes += digest->size;
  if (*digest != FileDigest{file.size, file.hash}) {
    report.findings.push_back(
        damaged(path, "file damaged",
                fmt::format("{} bytes, hash {:016x}; {} bytes, hash {:016x} in the list",
                            digest->size, digest->hash, file.size, file.hash)));
  }
  return {};
}

}  // namespace

Result<BackupSummary> make_backup(io::FileSystem& fs, const BackupSource& source,
                                  const std::string& to, const BackupOptions& options,
                                  ReadPace& pace) {
  return Backup(fs, source, to, options, pace).run();
}

Result<VerifyReport> verify_backup_files(io::FileSystem& fs, const std::string& backup,
                                         const VerifyOptions& options) {
  VerifyReport report;
  auto list = read_list(fs, backup);
  if (!list && list.error().code == Errc::kCorruption) {
    report.findings.push_back(damaged(list_path(backup), "file damaged", list.error().context));
    return report;
  }
  if (!list) return tl::unexpected(std::move(list).error());
  ToldPace pace(options, bytes_of(*list));
  for (const BackupFile& file : list->files) {
    if (auto checked = check_file(fs, backup + "/" + file.name, file, pace, report); !checked) {
      return tl::unexpected(std::move(checked).error());
    }
    const format::FileKind kind = format::parse_name(file.name).kind;
    report.segments += kind == format::FileKind::kSegment ? 1 : 0;
    report.hints += kind == format::FileKind::kHint ? 1 : 0;
  }
  return report;
}

Result<BackupSummary> restore_backup_files(io::FileSystem& fs, const std::string& backup,
                                           const std::string& to, const VerifyOptions& options) {
  if (auto empty = check_empty(fs, to); !empty) return tl::unexpected(std::move(empty).error());
  auto report = verify_backup_files(fs, backup, options);
  if (!report) return tl::unexpected(std::move(report).error());
  if (!report->findings.empty()) {
    const Finding& first = report->findings.front();
    return tl::unexpected(
        Error{Errc::kCorruption,
              fmt::format("{}: {} {}; {} findings in all, and nothing was restored", first.what,
                          first.file, first.details, report->findings.size()),
              {}});
  }
  auto list = read_list(fs, backup);
  if (!list) return tl::unexpected(std::move(list).error());
  if (auto made = fs.create_dir(to); !made) return tl::unexpected(std::move(made).error());
  BackupSummary summary;
  summary.version = list->version;
  RatePace pace(options.rate_max);
  for (const BackupFile& file : list->files) {
    const std::string from = backup + "/" + file.name;
    auto copied = copy_file(fs, from, to + "/" + file.name, pace);
    if (!copied) return tl::unexpected(std::move(copied).error());
    if (*copied != FileDigest{file.size, file.hash}) {
      return tl::unexpected(Error{Errc::kCorruption, from + " changed while it was copied", {}});
    }
    summary.files += 1;
    summary.copied += 1;
    summary.bytes += copied->size;
    summary.bytes_copied += copied->size;
  }
  if (auto synced = fs.sync_dir(to); !synced) return tl::unexpected(std::move(synced).error());
  // With CURRENT it is a database, so that comes last.
  auto done = io::replace_file(fs, to + "/" + std::string(format::kCurrentName),
                               format::encode_current(list->manifest_number));
  if (!done) return tl::unexpected(std::move(done).error());
  return summary;
}

}  // namespace kv::engine

namespace kv {

Result<VerifyReport> verify_backup(const std::filesystem::path& backup,
                                   const VerifyOptions& options) {
  return engine::verify_backup_files(io::posix_file_system(), backup.string(), options);
}

Result<BackupSummary> restore_backup(const std::filesystem::path& backup,
                                     const std::filesystem::path& to,
                                     const VerifyOptions& options) {
  return engine::restore_backup_files(io::posix_file_system(), backup.string(), to.string(),
                                      options);
}

}  // namespace kv
