#pragma once

#include <string>
#include <vector>

#include "kv/verify.h"

namespace kv::cli {

// One line for people: file, offset, versions, keys.
std::string text_of(const Finding& finding);
// A list of objects, as a JSON array.
std::string json_of(const std::vector<Finding>& findings);

}  // namespace kv::cli
