#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/manifest_log.h"
#include "format/identity.h"
#include "format/segment.h"
#include "io/file_system.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// A segment just made, empty.
struct NewSegment {
  format::SegmentId id{};
  std::uint64_t salt = 0;
  std::unique_ptr<io::File> file;
};

// A locked data directory: its identity and its MANIFEST. The lock ends with the object, or with
// the process; nothing has to be removed after a kill.
//
// A new database is made in this order: LOCK, IDENTITY, MANIFEST-000001, CURRENT, each synced
// before the next. Without CURRENT there is no database yet and the next open starts over.
class DataDirectory {
 public:
  // kNotADatabase when the directory holds something else: nothing is changed in it then.
  // `listener` may be null. `was_created` in the result's object tells a new database.
  static Result<std::unique_ptr<DataDirectory>> open(io::FileSystem& fs, const std::string& path,
                                                     std::string_view holder,
                                                     bool create_if_missing,
                                                     EventListener* listener);

  const std::string& path() const { return path_; }
  io::FileSystem& fs() const { return fs_; }
  const format::Identity& identity() const { return identity_; }
  ManifestLog& manifest() { return *manifest_; }
  bool was_created() const { return was_created_; }

  // From now on, and after a crash once it returned, this is node `node_id` of that cluster; fine
  // if it is that already, kInvalidArgument if it is another. Not nil, not 0. While nobody else
  // asks for these two. After an error of the disk it may be either, as the next open tells.
  Result<void> join_cluster(const base::Uuid& cluster_id, std::uint64_t node_id);

  std::string segment_path(format::SegmentId id) const;
  std::string hint_path(format::SegmentId id) const;
  std::string file_path(std::string_view name) const { return path_ + "/" + std::string(name); }
  // A new segment under the next id, in this order: file made, folder synced, MANIFEST says it is
  // there. A crash in between leaves an empty file, which the next open removes. Any thread.
  Result<NewSegment> create_segment(format::SegmentKind kind);
  // The first of so many ids that no segment has or gets: what comes from elsewhere is named by
  // them, and what a crash leaves of it is no segment that was forgotten. Any thread.
  Result<format::SegmentId> reserve_segments(std::uint64_t count);
  // Whether set_aside() took the file before.
  Result<bool> was_set_aside(std::string_view name);
  // Moves a file into lost+found under a name that is free there.
  Result<void> set_aside(std::string_view name);
  // Writes bytes into a new file there.
  Result<void> set_aside_bytes(std::string_view name, std::string_view bytes);

 private:
  DataDirectory(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  Result<void> check_names(bool create_if_missing, bool& is_new) const;
  Result<void> create();
  Result<void> resume(EventListener* listener);
  Result<std::string> free_lost_name(std::string_view name);

  io::FileSystem& fs_;
  const std::string path_;
  std::unique_ptr<io::FileLock> lock_;
  format::Identity identity_;
  std::unique_ptr<ManifestLog> manifest_;
  bool was_created_ = false;
  std::mutex create_mutex_;  // one new id at a time
};

}  // namespace kv::engine
