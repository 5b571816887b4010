#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kv::base {

// RFC 4648, with padding.
std::string base64(std::string_view bytes);
// nullopt: no such text. Only what base64() writes is read.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace kv::base
