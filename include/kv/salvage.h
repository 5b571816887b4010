#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kv/result.h"
#include "kv/verify.h"

namespace kv {

struct SalvageReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;      // intact ones, of all versions
  std::uint64_t keys = 0;         // in the new database
  std::uint64_t deletes = 0;      // kept, so that nothing deleted comes back
  std::vector<Finding> findings;  // what was not intact
  // Of the keys whose damaged records are known by name:
  std::vector<std::string> keys_lost;   // nothing of theirs is left
  std::vector<std::string> keys_older;  // an older value was found, and kept
  // There may be more of both, in ranges whose keys cannot be told.
  bool has_unknown_losses = false;
  std::vector<std::string> notes;
};

struct SalvageOptions {
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;  // as VerifyOptions'
};

// Makes a new database in `to` out of every intact record of the one in `from`, which need not be
// one that can be opened: without its MANIFEST, all segments that lie there are read. The highest
// version of each key wins, and keeps its version; deletes count. `from` is not changed. Errors:
// kLocked (a server has it open), kNotADatabase (nothing to read, or `to` is not empty), kNoSpace,
// kIo.
[[nodiscard]] Result<SalvageReport> salvage(const std::filesystem::path& from,
                                            const std::filesystem::path& to,
                                            const SalvageOptions& options = {});

}  // namespace kv
