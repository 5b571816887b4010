#pragma once

#include <string>

#include "io/file_system.h"
#include "kv/salvage.h"

namespace kv::engine {

// kv::salvage on any file system. Keeps one entry a key in memory, and no values.
Result<SalvageReport> salvage_database(io::FileSystem& fs, const std::string& from,
                                       const std::string& to, const SalvageOptions& options);

}  // namespace kv::engine
