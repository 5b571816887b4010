#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/file_system.h"
#include "kv/result.h"
#include "raft/hard_state.h"

namespace kv::node {

// Whether a node may find no HARDSTATE: only one that never took part in anything. It is made
// before IDENTITY names a cluster, so that with a cluster it must be there.
enum class Memory {
  kMayBeNew,
  kMustExist,
};

// HARDSTATE: the promises that a node must remember. A write returns when it is on the disk, and
// whatever moment the power goes at, the next open finds the state that was written last or the one
// that was being written: each copy lies in a sector of its own, and a write touches the two copies
// that do not hold the last one (format/hard_state.h).
//
// What open() returns is on the disk before it returns, even if what was found was in the page
// cache alone: whoever acts on it must not see an older one after the next crash.
//
// After an error nothing is written any more, as what the disk has is not known: the process ends
// and opens the file again. One thread at a time; holds the file open.
class HardStateFile {
 public:
  // In a locked data directory. A new file is there whole or not at all. Errors: kCorruption when
  // it is damaged beyond its copies or missing though it must exist (the node lost its memory, and
  // has to rejoin as a new one) or when it belongs to another database; kNewerFormat, kNoSpace,
  // kIo.
  static Result<std::unique_ptr<HardStateFile>> open(io::FileSystem& fs, const std::string& dir,
                                                     std::uint64_t database_id_hash, Memory memory);

  // As the disk has it; its `version` is 0.
  const raft::HardState& state() const { return state_; }
  std::uint64_t generation() const { return generation_; }
  // Copies that were damaged, or torn by a crash, when it was opened. More than two are no crash's
  // doing: the disk loses data.
  std::size_t copies_mended() const { return copies_mended_; }

  Result<void> write(const raft::HardState& state);

 private:
  HardStateFile(std::unique_ptr<io::File> file, std::uint64_t database_id_hash)
      : file_(std::move(file)), database_id_hash_(database_id_hash) {}
  Result<void> load();
  Result<void> write_copy(std::size_t copy, const std::string& bytes);
  Result<void> write_copies(const raft::HardState& state);
  Result<void> sync();
  std::string encode(const raft::HardState& state, std::uint64_t generation) const;

  const std::unique_ptr<io::File> file_;
  const std::uint64_t database_id_hash_;
  raft::HardState state_;
  std::uint64_t generation_ = 0;
  std::size_t copies_mended_ = 0;
  bool has_failed_ = false;
};

}  // namespace kv::node
