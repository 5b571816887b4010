#include "engine/data_directory.h"

#include <fmt/format.h>

#include "base/check.h"
#include "engine/incoming.h"
#include "engine/planted.h"
#include "engine/required_file.h"
#include "format/names.h"

namespace kv::engine {

namespace {

using format::FileKind;

void tell(EventListener* listener, Event::Level level, std::string_view name, std::string details) {
  if (listener != nullptr) listener->on_event({level, name, std::move(details)});
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(io::FileSystem& fs,
                                                           const std::string& path,
                                                           std::string_view holder,
                                                           bool create_if_missing,
                                                           EventListener* listener) {
  std::unique_ptr<DataDirectory> dir(new DataDirectory(fs, path));
  bool is_new = false;
  if (auto checked = dir->check_names(create_if_missing, is_new); !checked) {
    return tl::unexpected(std::move(checked).error());
  }
  if (is_new) {
    if (auto made = fs.create_dir(path); !made) return tl::unexpected(std::move(made).error());
  }
  auto lock = fs.lock(dir->file_path(format::kLockName), holder);
  if (!lock) return tl::unexpected(std::move(lock).error());
  dir->lock_ = std::move(*lock);
  // Somebody else may have created it between the look and the lock.
  if (auto checked = dir->check_names(create_if_missing, is_new); !checked) {
    return tl::unexpected(std::move(checked).error());
  }
  auto done = is_new ? dir->create() : dir->resume(listener);
  if (!done) return tl::unexpected(std::move(done).error());
  return dir;
}

Result<void> DataDirectory::check_names(bool create_if_missing, bool& is_new) const {
  auto is_there = fs_.exists(path_);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  std::vector<std::string> names;
  if (*is_there) {
    auto listed = fs_.list(path_);
    if (!listed) return tl::unexpected(std::move(listed).error());
    names = std::move(*listed);
  }
  bool has_current = false;
  bool has_data = false;  // files that only a database has that was once made
  std::string stranger;
  for (const std::string& name : names) {
    const FileKind kind = format::parse_name(name).kind;
    has_current = has_current || kind == FileKind::kCurrent;
    // What the making of a database that crashed may have left; anything else means data.
    has_data = has_data || kind == FileKind::kSegment || kind == FileKind::kHint ||
               kind == FileKind::kCheckpoint || kind == FileKind::kHardState ||
               kind == FileKind::kMembers;
    const bool is_beginning = kind == FileKind::kLock || kind == FileKind::kIdentity ||
                              kind == FileKind::kManifest || kind == FileKind::kTemporary ||
                              kind == FileKind::kLostFound;
    if (!is_beginning && stranger.empty()) stranger = name;
  }
  is_new = !has_current;
  if (has_current) return {};
  if (has_data) return tl::unexpected(required_file_missing(file_path(format::kCurrentName)));
  if (!stranger.empty()) {
    return tl::unexpected(
        Error{Errc::kNotADatabase,
              fmt::format("{} is not a kv database (no CURRENT) and not empty (it holds \"{}\"); "
                          "name an empty directory",
                          path_, stranger),
              {}});
  }
  if (!create_if_missing) {
    return tl::unexpected(
        Error{Errc::kNotADatabase, path_ + " holds no kv database and none is to be created", {}});
  }
  return {};
}

Result<void> DataDirectory::create() {
  const auto bits = [this] { return fs_.random_bits(); };
  identity_.database_id = base::to_hex(base::random_uuid(bits));
  identity_.node_uuid = base::random_uuid(bits);
  if (auto written = io::replace_file(fs_, file_path(format::kIdentityName),
                                      format::encode_identity(identity_));
      !written) {
    return written;
  }
  auto manifest = ManifestLog::create(fs_, path_, format::database_id_hash(identity_));
  if (!manifest) return tl::unexpected(std::move(manifest).error());
  manifest_ = std::move(*manifest);
  was_created_ = true;
  return {};
}

Result<void> DataDirectory::resume(EventListener* listener) {
  auto text = read_required_file(fs_, file_path(format::kIdentityName));
  if (!text) return tl::unexpected(std::move(text).error());
  auto identity = format::decode_identity(*text);
  if (!identity) {
    return tl::unexpected(Error{identity.error().code,
                                file_path(format::kIdentityName) + ": " + identity.error().context,
                                {}});
  }
  identity_ = std::move(*identity);
  auto manifest = ManifestLog::open(fs_, path_, format::database_id_hash(identity_));
  if (!manifest) return tl::unexpected(std::move(manifest).error());
  manifest_ = std::move(*manifest);

  // What a crash left half made is removed; what is not ours is named and left alone.
  auto names = fs_.list(path_);
  if (!names) return tl::unexpected(std::move(names).error());
  for (const std::string& name : *names) {
    const format::ParsedName parsed = format::parse_name(name);
    if (parsed.kind == FileKind::kForeign) {
      tell(listener, Event::Level::kWarning, "foreign file",
           fmt::format("file={} action=ignored", file_path(name)));
    }
    const bool is_stale_manifest =
        parsed.kind == FileKind::kManifest && parsed.number != manifest_->number();
    if (parsed.kind == FileKind::kTemporary || is_stale_manifest) {
      // The process that replaced CURRENT may have died before its new name was durable, and the
      // old CURRENT needs the old MANIFEST.
      if (is_stale_manifest && !is_planted(Bug::kDropOldManifestEarly)) {
        if (auto synced = fs_.sync_dir(path_); !synced) return synced;
      }
      if (auto removed = fs_.remove(file_path(name)); !removed) return removed;
      tell(listener, Event::Level::kInfo, "leftover removed",
           fmt::format("file={}", file_path(name)));
    }
  }
  return clear_incoming(fs_, path_);
}

Result<void> DataDirectory::join_cluster(const base::Uuid& cluster_id, std::uint64_t node_id) {
  KV_CHECK(!cluster_id.is_nil() && node_id != 0);
  if (identity_.cluster_id == cluster_id && identity_.node_id == node_id) return {};
  if (!identity_.cluster_id.is_nil()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("{} is node {} of cluster {} and cannot become node {} of cluster {}",
                          path_, identity_.node_id, base::to_hex(identity_.cluster_id), node_id,
                          base::to_hex(cluster_id)),
              {}});
  }
  format::Identity joined = identity_;
  joined.cluster_id = cluster_id;
  joined.node_id = node_id;
  if (auto written =
          io::replace_file(fs_, file_path(format::kIdentityName), format::encode_identity(joined));
      !written) {
    return written;
  }
  identity_.cluster_id = cluster_id;
  identity_.node_id = node_id;
  return {};
}

std::string DataDirectory::segment_path(format::SegmentId id) const {
  return file_path(format::segment_name(id));
}

std::string DataDirectory::hint_path(format::SegmentId id) const {
  return file_path(format::hint_name(id));
}

Result<NewSegment> DataDirectory::create_segment(format::SegmentKind kind) {
  const std::lock_guard lock(create_mutex_);
  NewSegment made;
  made.id = static_cast<format::SegmentId>(manifest_->state().next_segment);
  made.salt = fs_.random_bits();
  const std::string path = segment_path(made.id);
  // Left by an attempt whose MANIFEST edit failed.
  auto is_there = fs_.exists(path);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (*is_there) {
    if (auto removed = fs_.remove(path); !removed) {
      return tl::unexpected(std::move(removed).error());
    }
  }
  auto file = fs_.open(path, io::OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  made.file = std::move(*file);
  if (!is_planted(Bug::kSkipDirectorySync)) {
    if (auto synced = fs_.sync_dir(path_); !synced)
      return tl::unexpected(std::move(synced).error());
  }
  const format::Edit edits[] = {format::AddSegment{made.id, kind, made.salt}};
  if (auto said = manifest_->append(edits); !said) return tl::unexpected(std::move(said).error());
  return made;
}

Result<format::SegmentId> DataDirectory::reserve_segments(std::uint64_t count) {
  const std::lock_guard lock(create_mutex_);
  const std::uint64_t first = manifest_->state().next_segment;
  if (first + count > UINT32_MAX) {
    return tl::unexpected(Error{Errc::kTryLater, path_ + ": no segment ids are left", {}});
  }
  const format::Edit edits[] = {format::SegmentFloor{first + count}};
  if (auto said = manifest_->append(edits); !said) return tl::unexpected(std::move(said).error());
  return static_cast<format::SegmentId>(first);
}

Result<bool> DataDirectory::was_set_aside(std::string_view name) {
  return fs_.exists(fmt::format("{}/{}.0", file_path(format::kLostFoundName), name));
}

Result<std::string> DataDirectory::free_lost_name(std::string_view name) {
  const std::string folder = file_path(format::kLostFoundName);
  if (auto made = fs_.create_dir(folder); !made) return tl::unexpected(std::move(made).error());
  for (int attempt = 0;; ++attempt) {
    std::string candidate = fmt::format("{}/{}.{}", folder, name, attempt);
    auto is_there = fs_.exists(candidate);
    if (!is_there) return tl::unexpected(std::move(is_there).error());
    if (!*is_there) return candidate;
  }
}

Result<void> DataDirectory::set_aside(std::string_view name) {
  auto target = free_lost_name(name);
  if (!target) return tl::unexpected(std::move(target).error());
  if (auto moved = fs_.rename(file_path(name), *target); !moved) return moved;
  if (auto synced = fs_.sync_dir(file_path(format::kLostFoundName)); !synced) return synced;
  return fs_.sync_dir(path_);
}

Result<void> DataDirectory::set_aside_bytes(std::string_view name, std::string_view bytes) {
  auto target = free_lost_name(name);
  if (!target) return tl::unexpected(std::move(target).error());
  return io::replace_file(fs_, *target, bytes);
}

}  // namespace kv::engine
