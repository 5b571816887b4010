#pragma once

#include <string>

#include "io/file_system.h"
#include "kv/verify.h"

namespace kv::engine {

// kv::verify on any file system. Where the MANIFEST is damaged, segments are judged by their own
// headers alone.
Result<VerifyReport> verify_database(io::FileSystem& fs, const std::string& dir,
                                     const VerifyOptions& options);

}  // namespace kv::engine
