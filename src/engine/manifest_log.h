#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "format/manifest.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// The live MANIFEST: what the database's segments are. An edit is appended and synced before
// anything relies on it; after a crash it is there whole or not at all. Any thread.
//
// Files: CURRENT names MANIFEST-<n>. When the edits have grown well beyond the state they build,
// open() writes the state to MANIFEST-<n+1>, syncs it and the folder, and replaces CURRENT: the old
// one counts until that rename, and is removed after it.
class ManifestLog {
 public:
  // Writes a first MANIFEST and then CURRENT: with CURRENT the database exists.
  static Result<std::unique_ptr<ManifestLog>> create(io::FileSystem& fs, std::string dir,
                                                     std::uint64_t database_id_hash);
  // kCorruption when an edit in the middle is damaged; a torn last edit was never relied on and is
  // cut.
  static Result<std::unique_ptr<ManifestLog>> open(io::FileSystem& fs, std::string dir,
                                                   std::uint64_t database_id_hash);

  // All edits become real together, or none does. kNoSpace: none did, try again when there is room.
  // kUnknownOutcome: the next open will tell; every later call fails with kReadOnly.
  Result<void> append(std::span<const format::Edit> edits);

  // That state takes the place of what the edits so far say, as one step: a new MANIFEST, and then
  // CURRENT. After an error it may be either, as the next open tells, and every later call fails.
  Result<void> replace(const format::ManifestState& state);

  format::ManifestState state() const;
  std::uint64_t number() const { return number_; }

 private:
  ManifestLog(io::FileSystem& fs, std::string dir, std::uint64_t database_id_hash)
      : fs_(fs), dir_(std::move(dir)), database_id_hash_(database_id_hash) {}
  Result<void> start(std::uint64_t number, const format::ManifestState& state);
  Result<void> resume(std::uint64_t number);
  std::string path(std::uint64_t number) const;
  bool cut_back();

  io::FileSystem& fs_;
  const std::string dir_;
  const std::uint64_t database_id_hash_;
  std::uint64_t number_ = 0;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::unique_ptr<io::File> file_;
  std::uint64_t size_ = 0;
  format::ManifestState state_;
  bool has_failed_ = false;
};

}  // namespace kv::engine
