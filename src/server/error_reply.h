#pragma once

#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::server {

// Appends the ERR line that tells a client of `error`.
void append_error_reply(std::string& out, std::string_view tag, const Error& error);
// The same for an error in the middle of a RANGE: ABORTED, with the reason.
void append_aborted(std::string& out, std::string_view tag, const Error& error);

}  // namespace kv::server
