#pragma once

#include <string>

namespace kv::cli {

// Checks for options, which name the option in front of what they return; empty: nothing is wrong.
std::string problem_with_addresses(const std::string& text);       // HOST:PORT[,HOST:PORT...]
std::string problem_with_listen_address(const std::string& text);  // the same, and port 0
std::string problem_with_resp(const std::string& text);            // on, off, or one of these

}  // namespace kv::cli
