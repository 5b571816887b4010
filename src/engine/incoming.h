#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data_directory.h"
#include "format/manifest_state.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// The files of another node's state (BaseFiles), on their way into the folder `incoming` of a data
// directory. They get names that no segment there has, and headers that make them this database's.
// Nothing that was there changes; what a crash leaves in the folder is removed by the next open,
// and by whoever begins again. When finish() came back, all is verified and durable, and
// replace_state() puts it in place.
//
// An error of the disk, or a file that is not as the list says, ends it; the next one begins anew.
// One thread at a time, which need not be the store's.
class Incoming {
 public:
  explicit Incoming(DataDirectory& dir) : dir_(dir) {}

  // Clears the folder; the list says what is to come.
  Result<void> begin(std::string_view list);
  // The segments, in the order in which they are written, under the sender's ids.
  const std::vector<format::SegmentInfo>& files() const { return files_; }
  // Bytes of one of them, in order and without a gap, the whole header with the first; others are
  // kCorruption. The file's last bytes make it durable, have every record in it checked
  // (kCorruption), and its hint made of what that read.
  Result<void> write(std::size_t file, std::uint64_t offset, std::string_view bytes);
  // All files are there.
  Result<void> finish();
  // What the database is to hold, once finish() came back.
  const format::ManifestState& state() const { return state_; }

 private:
  Result<std::string> own_header(const format::SegmentInfo& info, std::string_view bytes) const;
  Result<void> check(const format::SegmentInfo& info) const;
  format::SegmentId own_id(std::size_t file) const;
  std::string folder() const;

  DataDirectory& dir_;
  std::vector<format::SegmentInfo> files_;
  std::uint64_t first_id_ = 0;
  format::ManifestState state_;
  std::unique_ptr<io::File> file_;  // that is being written
  std::uint64_t written_ = 0;       // of it
  std::uint64_t synced_ = 0;
  std::size_t done_ = 0;  // files
};

// The state in `incoming` takes the place of everything that the database holds, and of its log:
// whatever is not in it is gone. For a store that is closed. The step is the new MANIFEST; before
// it a crash leaves the old state, behind it the new one, and the files of the other are removed
// by the next open.
Result<void> replace_state(DataDirectory& dir, const format::ManifestState& incoming);

// Removes the files that lie in the folder; fine if there is none.
Result<void> clear_incoming(io::FileSystem& fs, const std::string& dir);

}  // namespace kv::engine
