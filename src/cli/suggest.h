#pragma once

#include <string>
#include <vector>

namespace kv::cli {

// The name that is nearest to a mistyped one; empty when none is near.
std::string nearest(const std::string& typed, const std::vector<std::string>& names);

}  // namespace kv::cli
