#pragma once

#include <string>
#include <string_view>

namespace kv::test {

// The bytes written in tests/golden/<name>: lines of "offset  hex bytes  # what they are", where
// the offset counts from the beginning of the file. Throws when a line is not of this form or an
// offset does not follow from the lines before it.
std::string load_golden(std::string_view name);

// Where `bytes` first differs from that file, for people; empty when they are the same.
std::string golden_difference(std::string_view name, std::string_view bytes);

}  // namespace kv::test
