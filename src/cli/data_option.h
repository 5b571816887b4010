#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
class Option;
}  // namespace CLI

namespace kv::cli {

// Adds --data, or KV_DATA, the directory of the database; the default is what stands in `data`.
CLI::Option* add_data_option(CLI::App& command, std::string& data, const std::string& help);

// Throws when KV_DATA is set to nothing and counts, which CLI11 takes for a variable that is not
// set: a script whose own variable was empty would get the default directory.
void refuse_empty_variable(const CLI::Option& data);

// A check for arguments that name a directory.
std::string problem_with_directory(const std::string& text);

}  // namespace kv::cli
