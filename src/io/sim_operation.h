#pragma once

#include <cstdint>
#include <string>
#include <system_error>

namespace kv::io {

enum class SimOperation {
  kAnyChange,  // in a fault: every one below but the last two
  kCreate,
  kWrite,
  kSync,
  kTruncate,
  kRename,
  kRemove,
  kCreateDir,
  kSyncDir,
  kLock,
  kRead,
  kLook,  // all that neither changes nor reads contents; never fails by plan
};

inline bool is_change(SimOperation operation) {
  return operation != SimOperation::kRead && operation != SimOperation::kLook;
}

// An operation about to happen.
struct SimCall {
  SimOperation operation = SimOperation::kLook;
  std::string context = {};  // for the error: "write /d/a"
  std::string path = {};
  std::uint64_t offset = 0;  // of reads, writes and truncates
  std::uint64_t size = 0;    // of reads and writes
};

// A failure that is to come. The operation fails with `error` and nothing happens, but for a write
// that is `is_short`, which leaves a part of itself, and a sync, which drops what was unsynced.
struct SimFault {
  SimOperation operation = SimOperation::kAnyChange;
  std::errc error = std::errc::io_error;  // no_space_on_device becomes kNoSpace
  std::uint64_t after = 0;                // matching operations that succeed before
  std::uint64_t count = 1;                // and that then fail; UINT64_MAX: for good
  std::string path_part = {};             // in the path of the file; empty: any
  std::uint64_t offset = 0;               // of reads and writes: those that touch
  std::uint64_t size = UINT64_MAX;        //   `size` bytes at `offset`
  bool is_short = false;
};

}  // namespace kv::io
