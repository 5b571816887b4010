#pragma once

#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::linearizability {

// A key or value as one word of a history file that cannot be taken for anything else, and back.
std::string quoted(std::string_view bytes);
[[nodiscard]] Result<std::string> unquoted(std::string_view word);

}  // namespace kv::linearizability
