#pragma once

#include <string_view>

namespace kv::server {

// What HELP answers: the verbs, for a person at a netcat.
std::string_view help_page();

}  // namespace kv::server
