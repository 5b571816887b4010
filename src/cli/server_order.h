#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/ask_at_once.h"

namespace kv::cli {

// The order in which to try several servers: those that are there, in the order in which they were
// named, and then the others. One that hangs takes connections nevertheless, and would hold up what
// is sent to it until the timeout.
//
// All are asked at once. Who comes first is waited for no longer than it takes to know it: not for
// the last one when all others are gone, and once others have answered as `patience` says.
std::vector<std::string> server_order(const std::vector<std::string>& addresses,
                                      const std::function<Result<bool>(const std::string&)>& ask,
                                      Patience patience);

}  // namespace kv::cli
