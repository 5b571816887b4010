// Backups from the other side: they are verified, and databases again.

#include <fmt/format.h>

#include "engine/backup.h"
#include "engine/backup_list_file.h"
#include "engine/file_copy.h"
#include "engine/told_pace.h"
#include "format/manifest.h"
#include "format/names.h"

namespace kv::engine {

namespace {

using format::BackupFile;
using format::BackupList;

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

// What the node whose backup it is promised its cluster since is not in it, so that this is another
// node, and in no cluster.
Result<void> name_anew(io::FileSystem& fs, const std::string& path) {
  auto text = io::read_file(fs, path);
  if (!text) return tl::unexpected(std::move(text).error());
  const auto identity = format::decode_identity(*text);
  if (!identity) {
    return tl::unexpected(Error{identity.error().code, path + ": " + identity.error().context, {}});
  }
  return io::replace_file(fs, path,
                          format::encode_identity({.database_id = identity->database_id,
                                                   .node_uuid = base::random_uuid()}));
}

}  // namespace

Result<VerifyReport> verify_backup_files(io::FileSystem& fs, const std::string& backup,
                                         const VerifyOptions& options) {
  VerifyReport report;
  auto list = read_backup_list(fs, backup);
  if (!list && list.error().code == Errc::kCorruption) {
    report.findings.push_back(
        damaged(backup_list_path(backup), "file damaged", list.error().context));
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
  auto list = read_backup_list(fs, backup);
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
  if (auto done = name_anew(fs, to + "/" + std::string(format::kIdentityName)); !done) {
    return tl::unexpected(std::move(done).error());
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
