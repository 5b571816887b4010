#include "engine/manifest_log.h"

#include <fmt/format.h>

#include "engine/planted.h"
#include "engine/required_file.h"
#include "format/identity.h"
#include "format/names.h"

namespace kv::engine {

namespace {

// A MANIFEST is written anew when it is larger than this and than twice its state.
constexpr std::uint64_t kRewriteSize = 64 * 1024;

std::string encode_state(const format::ManifestState& state, std::uint64_t number,
                         std::uint64_t database_id_hash) {
  std::string out = format::encode_manifest_header(number, database_id_hash);
  const auto edits = state.edits();
  if (!edits.empty()) format::append_edits(out, edits, number);
  return out;
}

#ifdef KV_PLANTED_BUGS
Result<void> replace_without_sync(io::FileSystem& fs, const std::string& path,
                                  std::string_view content) {
  const std::string temporary = path + ".tmp";
  if (auto there = fs.exists(temporary); there && *there) {
    if (auto removed = fs.remove(temporary); !removed) return removed;
  }
  auto file = fs.open(temporary, io::OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::string_view pieces[] = {content};
  if (auto written = (*file)->write_at(0, pieces); !written) return written;
  if (auto renamed = fs.rename(temporary, path); !renamed) return renamed;
  return fs.sync_dir(path.substr(0, path.rfind('/')));
}
#endif

}  // namespace

Result<std::unique_ptr<ManifestLog>> ManifestLog::create(io::FileSystem& fs, std::string dir,
                                                         std::uint64_t database_id_hash) {
  std::unique_ptr<ManifestLog> log(new ManifestLog(fs, std::move(dir), database_id_hash));
  if (auto started = log->start(1, {}); !started) return tl::unexpected(std::move(started).error());
  return log;
}

Result<std::unique_ptr<ManifestLog>> ManifestLog::open(io::FileSystem& fs, std::string dir,
                                                       std::uint64_t database_id_hash) {
  std::unique_ptr<ManifestLog> log(new ManifestLog(fs, std::move(dir), database_id_hash));
  const std::string current = log->dir_ + "/" + std::string(format::kCurrentName);
  auto text = read_required_file(fs, current);
  if (!text) return tl::unexpected(std::move(text).error());
  auto number = format::decode_current(*text);
  if (!number) {
    return tl::unexpected(Error{number.error().code, current + ": " + number.error().context, {}});
  }
  if (auto resumed = log->resume(*number); !resumed) {
    return tl::unexpected(std::move(resumed).error());
  }
  return log;
}

std::string ManifestLog::path(std::uint64_t number) const {
  return dir_ + "/" + format::manifest_name(number);
}

Result<void> ManifestLog::start(std::uint64_t number, const format::ManifestState& state) {
  const std::string name = path(number);
  // Left over from a crash between here and the replacement of CURRENT.
  auto is_there = fs_.exists(name);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (*is_there) {
    if (auto removed = fs_.remove(name); !removed) return removed;
  }
  auto file = fs_.open(name, io::OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::string content = encode_state(state, number, database_id_hash_);
  const std::string_view pieces[] = {content};
  if (auto written = (*file)->write_at(0, pieces); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto synced = fs_.sync_dir(dir_); !synced) return synced;
  const std::string current = dir_ + "/" + std::string(format::kCurrentName);
#ifdef KV_PLANTED_BUGS
  const auto replace = is_planted(Bug::kCurrentNotSynced) ? replace_without_sync : io::replace_file;
#else
  const auto replace = io::replace_file;
#endif
  auto replaced = replace(fs_, current, format::encode_current(number));
  if (!replaced) return replaced;
  file_ = std::move(*file);
  number_ = number;
  size_ = content.size();
  state_ = state;
  return {};
}

Result<void> ManifestLog::resume(std::uint64_t number) {
  const std::string name = path(number);
  auto text = read_required_file(fs_, name);
  if (!text) return tl::unexpected(std::move(text).error());
  auto content = format::decode_manifest(*text);
  if (!content) {
    return tl::unexpected(
        Error{content.error().code, name + ": " + content.error().context, content.error().cause});
  }
  if (content->manifest_number != number || content->database_id_hash != database_id_hash_) {
    return tl::unexpected(
        Error{Errc::kCorruption, name + ": belongs to another database or has another number", {}});
  }
  const std::uint64_t fresh_size =
      encode_state(content->state, number + 1, database_id_hash_).size();
  if (text->size() > kRewriteSize && text->size() > 2 * fresh_size) {
    if (auto started = start(number + 1, content->state); !started) return started;
    return fs_.remove(name);
  }
  auto file = fs_.open(name, io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  if (content->valid_size < text->size()) {
    if (auto cut = (*file)->truncate(content->valid_size); !cut) return cut;
  }
  // After a sync that failed the system shows edits that it will never write to the disk, and the
  // process that knew is gone. Written again they get there, before another edit follows them.
  const std::string_view pieces[] = {std::string_view(*text).substr(0, content->valid_size)};
  if (auto written = (*file)->write_at(0, pieces); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  file_ = std::move(*file);
  number_ = number;
  size_ = content->valid_size;
  state_ = std::move(content->state);
  return {};
}

Result<void> ManifestLog::append(std::span<const format::Edit> edits) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) {
    return tl::unexpected(
        Error{Errc::kReadOnly, path(number_) + ": an earlier write to it failed", {}});
  }
  format::ManifestState next = state_;
  for (const format::Edit& edit : edits) {
    if (auto applied = next.apply(edit); !applied) return applied;
  }
  std::string bytes;
  format::append_edits(bytes, edits, number_);
  const std::string_view pieces[] = {bytes};
  auto done = file_->write_at(size_, pieces);
  if (!done && done.error().code == Errc::kNoSpace && cut_back()) return done;
  if (done && !is_planted(Bug::kEditNotSynced)) done = file_->sync();
  if (!done) {
    has_failed_ = true;
    done.error().code = Errc::kUnknownOutcome;
    return done;
  }
  size_ += bytes.size();
  state_ = std::move(next);
  return {};
}

Result<void> ManifestLog::replace(const format::ManifestState& state) {
  const std::lock_guard lock(mutex_);
  if (has_failed_) {
    return tl::unexpected(
        Error{Errc::kReadOnly, path(number_) + ": an earlier write to it failed", {}});
  }
  const std::string old = path(number_);
  if (auto started = start(number_ + 1, state); !started) {
    has_failed_ = true;
    return started;
  }
  return fs_.remove(old);
}

// A full disk is no failure once the part that was written is off again, durably: the next edit
// must not follow half of this one.
bool ManifestLog::cut_back() {
  return file_->truncate(size_).has_value() && file_->sync().has_value();
}

format::ManifestState ManifestLog::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace kv::engine
