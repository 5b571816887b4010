#include "engine/backup.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "engine/backup_list_file.h"
#include "engine/file_copy.h"
#include "format/manifest.h"
#include "format/names.h"

namespace kv::engine {

namespace {

using format::BackupFile;
using format::BackupList;

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
    auto has_list = fs_.exists(backup_list_path(to_));
    if (!has_list) return tl::unexpected(std::move(has_list).error());
    if (!*has_list) {
      if (auto empty = check_beginning(); !empty) return empty;
      if (auto made = fs_.create_dir(to_); !made) return made;
    }
    auto lock = fs_.lock(path(format::kLockName), "kv backup\n");
    if (!lock) return tl::unexpected(std::move(lock).error());
    lock_ = std::move(*lock);
    if (!*has_list) return {};
    auto is_database = fs_.exists(path(format::kCurrentName));
    if (!is_database) return tl::unexpected(std::move(is_database).error());
    if (*is_database) {
      return tl::unexpected(not_a_backup(
          to_ + " was a backup and is a database now (it holds CURRENT); name a new directory"));
    }
    auto list = read_backup_list(fs_, to_);
    if (!list) return tl::unexpected(std::move(list).error());
    if (list->database_id != source_.identity.database_id) {
      return tl::unexpected(not_a_backup(to_ + " holds the backup of another database"));
    }
    before_ = std::move(*list);
    return check_history();
  }

  // A restored copy and its original have the same name and use the same ids, but what they write
  // after they parted are other segments. To put one's in place of the other's would break the
  // backup that is there.
  Result<void> check_history() {
    for (const auto& [id, info] : source_.state.segments) {
      const std::string name = format::segment_name(id);
      const bool is_listed =
          std::ranges::find(before_.files, name, &BackupFile::name) != before_.files.end();
      if (!info.is_sealed || !is_listed) continue;
      const auto header = header_of(path(name));
      if (!header) continue;  // not there any more, or damaged: it is brought anew
      if (header->salt != info.salt) {
        return tl::unexpected(not_a_backup(fmt::format(
            "{} holds the backup of a copy of this database: its {} is another segment; name a "
            "new directory",
            to_, name)));
      }
      same_.insert(id);
    }
    return {};
  }

  Result<format::SegmentHeader> header_of(const std::string& name) {
    char bytes[format::kSegmentHeaderSize];
    auto file = fs_.open(name, io::OpenMode::kRead);
    if (!file) return tl::unexpected(std::move(file).error());
    auto got = (*file)->read_at(0, bytes, sizeof bytes);
    if (!got) return tl::unexpected(std::move(got).error());
    return format::decode_segment_header({bytes, *got});
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
    const bool may_keep = same_.contains(id);
    if (auto added = add_file(format::segment_name(id), may_keep); !added) return added;
    auto has_hint = fs_.exists(source_.dir + "/" + format::hint_name(id));
    if (!has_hint) return tl::unexpected(std::move(has_hint).error());
    return *has_hint ? add_file(format::hint_name(id), may_keep) : Result<void>();
  }

  Result<void> add_file(const std::string& name, bool may_keep) {
    const std::string from = source_.dir + "/" + name;
    auto size = size_of(from);
    if (!size) return tl::unexpected(std::move(size).error());
    BackupFile file{name, *size, 0};
    if (auto kept = may_keep ? keep(file) : false; !kept) {
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

  // A sealed segment never changes, and a hint follows from it.
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
    if (auto done = io::replace_file(fs_, backup_list_path(to_), format::encode_backup_list(next_));
        !done) {
      return done;
    }
    return sweep();
  }

  // What the list before named and this one does not, and what backups that ended early had
  // brought: links keep the space of what was merged since.
  Result<void> sweep() {
    std::set<std::string_view> listed;
    for (const BackupFile& file : next_.files) listed.insert(file.name);
    auto names = fs_.list(to_);
    if (!names) return tl::unexpected(std::move(names).error());
    for (const std::string& name : *names) {
      const format::FileKind kind = format::parse_name(name).kind;
      const bool is_ours = kind == format::FileKind::kSegment || kind == format::FileKind::kHint ||
                           kind == format::FileKind::kManifest ||
                           kind == format::FileKind::kTemporary;
      if (!is_ours || listed.contains(name)) continue;
      if (auto removed = fs_.remove(path(name)); !removed) return removed;
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
  std::set<format::SegmentId> same_;  // whose files there are of the very same segments
  BackupList next_;
  format::ManifestState state_;
  BackupSummary summary_;
};

}  // namespace

Result<BackupSummary> make_backup(io::FileSystem& fs, const BackupSource& source,
                                  const std::string& to, const BackupOptions& options,
                                  ReadPace& pace) {
  return Backup(fs, source, to, options, pace).run();
}

}  // namespace kv::engine
