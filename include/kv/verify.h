#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "kv/options.h"
#include "kv/result.h"

namespace kv {

// Something in a database's files that is not what was written.
struct Finding {
  std::string what;  // stable, e.g. "damaged records"
  std::string file;  // path
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // bytes; 0: all of the file, or what is not there
  // Of the records that were there, as far as it can be told; 0: unknown or none.
  Version first_version = 0;
  Version last_version = 0;
  std::vector<std::string> keys;  // whose records were there
  bool has_unknown_keys = false;  // there may be others
  bool loses_data = true;         // false: it is made again from what is intact
  std::string details;            // for people
};

struct VerifyReport {
  std::uint64_t segments = 0;
  std::uint64_t hints = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // read
  std::vector<Finding> findings;
  std::vector<std::string> notes;  // worth knowing, and no damage: a torn tail, a file left over
};

struct VerifyOptions {
  std::uint64_t rate_max = 0;  // bytes a second; 0: as fast as it goes
  // Told from time to time how many bytes of all were read; false stops with kClosed.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

// Reads every byte of a database that no process has open, and compares it with every checksum,
// sequence, hash chain, hint and MANIFEST entry. Changes nothing. An empty list of findings means
// that all that was ever acknowledged and not overwritten is there. kLocked: a server has it open.
// kNotADatabase: there is nothing to look at.
[[nodiscard]] Result<VerifyReport> verify(const std::filesystem::path& directory,
                                          const VerifyOptions& options = {});

}  // namespace kv
