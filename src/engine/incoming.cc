#include "engine/incoming.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base_files.h"
#include "engine/planted.h"
#include "engine/read_pace.h"
#include "engine/segment_check.h"
#include "engine/segment_load.h"
#include "format/identity.h"
#include "format/names.h"

namespace kv::engine {

namespace {

// Unsynced bytes: so that no sync takes long.
constexpr std::uint64_t kUnsyncedMax = 8 * 1024 * 1024;

Error corruption(std::string text) { return {Errc::kCorruption, std::move(text), {}}; }

std::string folder_of(const std::string& dir) {
  return dir + "/" + std::string(format::kIncomingName);
}

}  // namespace

Result<void> clear_incoming(io::FileSystem& fs, const std::string& dir) {
  auto is_there = fs.exists(folder_of(dir));
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there) return {};
  auto names = fs.list(folder_of(dir));
  if (!names) return tl::unexpected(std::move(names).error());
  for (const std::string& name : *names) {
    if (auto removed = fs.remove(folder_of(dir) + "/" + name); !removed) return removed;
  }
  return {};
}

std::string Incoming::folder() const { return folder_of(dir_.path()); }

format::SegmentId Incoming::own_id(std::size_t file) const {
  return static_cast<format::SegmentId>(first_id_ + file);
}

Result<void> Incoming::begin(std::string_view list) {
  auto theirs = decode_base_list(list);
  if (!theirs) return tl::unexpected(std::move(theirs).error());
  if (auto made = dir_.fs().create_dir(folder()); !made) return made;
  if (auto cleared = clear_incoming(dir_.fs(), dir_.path()); !cleared) return cleared;
  for (const auto& [id, info] : theirs->segments) files_.push_back(info);
  auto first = dir_.reserve_segments(files_.size());
  if (!first) return tl::unexpected(std::move(first).error());
  first_id_ = format::number(*first);
  for (std::size_t i = 0; i < files_.size(); ++i) {
    format::SegmentInfo own = files_[i];
    own.id = own_id(i);
    state_.segments.emplace(own.id, own);
  }
  state_.log_floor = theirs->log_floor;
  state_.tombstone_floor = theirs->tombstone_floor;
  return {};
}

Result<void> Incoming::write(std::size_t file, std::uint64_t offset, std::string_view bytes) {
  const bool fits = file == done_ && file < files_.size() && offset == written_ &&
                    bytes.size() <= files_[file].size - offset;
  if (!fits) {
    return tl::unexpected(
        corruption(fmt::format("{} bytes came for file {} of {} at {}, where file {} at {} was due",
                               bytes.size(), file, files_.size(), offset, done_, written_)));
  }
  const std::string path = folder() + "/" + format::segment_name(own_id(file));
  std::string header;
  if (offset == 0) {
    auto own = own_header(files_[file], bytes);
    if (!own) return tl::unexpected(std::move(own).error());
    header = std::move(*own);
    bytes.remove_prefix(header.size());
    auto made = dir_.fs().open(path, io::OpenMode::kCreate);
    if (!made) return tl::unexpected(std::move(made).error());
    file_ = std::move(*made);
    synced_ = 0;
  }
  const std::string_view pieces[] = {header, bytes};
  if (auto written = file_->write_at(offset, pieces); !written) return written;
  written_ += header.size() + bytes.size();
  const bool is_whole = written_ == files_[file].size;
  if (is_whole || written_ - synced_ >= kUnsyncedMax) {
    if (auto synced = file_->sync(); !synced) return synced;
    synced_ = written_;
  }
  if (!is_whole) return {};
  file_.reset();
  written_ = 0;
  done_ += 1;
  return check(state_.segments.at(own_id(file)));
}

// The salt stays, as it is in the checksum of every record.
Result<std::string> Incoming::own_header(const format::SegmentInfo& info,
                                         std::string_view bytes) const {
  if (bytes.size() < format::kSegmentHeaderSize) {
    return tl::unexpected(corruption("a segment came without its header"));
  }
  auto header = format::decode_segment_header(bytes.substr(0, format::kSegmentHeaderSize));
  if (!header) return tl::unexpected(std::move(header).error());
  if (header->id != info.id || header->salt != info.salt || header->kind != info.kind) {
    return tl::unexpected(
        corruption(fmt::format("segment {} came with another's header", format::number(info.id))));
  }
  header->id = own_id(done_);
  header->database_id_hash = format::database_id_hash(dir_.identity());
  return format::encode_segment_header(*header);
}

Result<void> Incoming::check(const format::SegmentInfo& info) const {
  RatePace unlimited(0);
  const SegmentChecker checker{dir_.fs(), folder(), format::database_id_hash(dir_.identity()),
                               unlimited};
  auto checked = checker.check_sealed(info);
  if (!checked) return tl::unexpected(std::move(checked).error());
  if (checked->findings.empty()) {
    // So that the start does not read all of it once more.
    write_hint(dir_.fs(), folder() + "/" + format::hint_name(info.id),
               std::move(checked->keys).hint(binding_of(info, info.salt)), nullptr);
    return {};
  }
  const Finding& first = checked->findings.front();
  return tl::unexpected(
      corruption(fmt::format("{}: {} {}", first.file, first.what, first.details)));
}

Result<void> Incoming::finish() {
  if (done_ != files_.size()) return tl::unexpected(corruption("not all files came"));
  return dir_.fs().sync_dir(folder());
}

Result<void> replace_state(DataDirectory& dir, const format::ManifestState& incoming) {
  format::ManifestState next = incoming;
  const format::ManifestState old = dir.manifest().state();
  next.next_segment = old.next_segment;
  next.sequence_floor = old.sequence_floor;
  if (is_planted(Bug::kStateAdded)) {
    for (const auto& [id, info] : old.segments) {
      if (info.is_sealed) next.segments.emplace(id, info);
    }
  }
  for (const auto& [id, info] : incoming.segments) {
    const std::string from = folder_of(dir.path()) + "/";
    auto moved = dir.fs().rename(from + format::segment_name(id), dir.segment_path(id));
    if (!moved) return moved;
    const std::string hint = from + format::hint_name(id);
    auto has_hint = dir.fs().exists(hint);
    if (!has_hint) return tl::unexpected(std::move(has_hint).error());
    if (!*has_hint) continue;
    if (moved = dir.fs().rename(hint, dir.hint_path(id)); !moved) return moved;
  }
  // What it says of keys would count beside the new segments.
  auto has_checkpoint = dir.fs().exists(dir.file_path(format::kCheckpointName));
  if (!has_checkpoint) return tl::unexpected(std::move(has_checkpoint).error());
  if (*has_checkpoint) {
    if (auto gone = dir.fs().remove(dir.file_path(format::kCheckpointName)); !gone) return gone;
  }
  if (auto synced = dir.fs().sync_dir(dir.path()); !synced) return synced;
  return dir.manifest().replace(next);
}

}  // namespace kv::engine
