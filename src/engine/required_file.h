#pragma once

#include <string>

#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// One of the small files that every database has: IDENTITY, CURRENT, the MANIFEST that it names.
// Missing, it is damage (kCorruption) and no mistake of the user's, who would be told by kIo that
// there is no such directory.
Result<std::string> read_required_file(io::FileSystem& fs, const std::string& path);

// The same, of one that is known to be missing.
Error required_file_missing(const std::string& path);

}  // namespace kv::engine
