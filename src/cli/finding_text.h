#pragma once

#include <string>

#include "kv/verify.h"

namespace kv::cli {

// One line for people: file, offset, versions, keys.
std::string text_of(const Finding& finding);

}  // namespace kv::cli
