#pragma once

#include <string>
#include <string_view>

namespace kv::server {

// Whether the whole of `text` is as `pattern` says: * any bytes, ? any one, [abc] [a-z] [^a] one of
// these, \x that byte. Time: at most the product of both sizes.
bool glob_matches(std::string_view pattern, std::string_view text);
// What every match begins with.
std::string glob_prefix(std::string_view pattern);

}  // namespace kv::server
