#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::io {

// The error of the system call that just failed (errno): "operation path" or "operation path at
// offset". ENOSPC and EDQUOT are kNoSpace, everything else kIo.
Error posix_error(std::string_view operation, const std::string& path);
Error posix_error_at(std::string_view operation, const std::string& path, std::uint64_t offset);

}  // namespace kv::io
