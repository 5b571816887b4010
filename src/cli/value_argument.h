#pragma once

#include <cstdint>
#include <string>

#include "kv/result.h"

namespace kv::cli {

// The value that an argument stands for: "-" is all of stdin, "@FILE" all of a file, anything else
// itself. kInvalidArgument: it cannot be read, or holds more than `size_max` bytes; no more than
// that is read.
Result<std::string> value_of_argument(const std::string& argument, std::uint64_t size_max);

}  // namespace kv::cli
