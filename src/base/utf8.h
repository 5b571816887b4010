#pragma once

#include <cstddef>
#include <string_view>

namespace kv::base {

// Length of the valid UTF-8 sequence (RFC 3629) in front of `bytes`, which are not empty; 0: there
// is none.
std::size_t utf8_sequence_size(std::string_view bytes);
bool is_utf8(std::string_view bytes);

}  // namespace kv::base
