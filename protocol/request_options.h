#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/header.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace kv::protocol {

struct VerbShape {
  std::string_view name;
  Verb verb;
  std::size_t lengths_min;
  std::size_t lengths_max;
  const char* lengths_text;  // for a refusal
};
// nullptr: no such verb. Case does not matter.
const VerbShape* find_verb(std::string_view name);

// An option that is wrong, and how.
struct BadOption {
  std::string_view name;
  const char* text;
};
// Sets the request's fields from the header's options, defaults included.
std::optional<BadOption> take_options(const HeaderLine& header, const Limits& limits,
                                      Request& request);

}  // namespace kv::protocol
