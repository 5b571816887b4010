#pragma once

#include <string_view>

namespace kv::server {

// What HELP answers: the verbs, and examples for somebody with netcat.
std::string_view help_text();

}  // namespace kv::server
