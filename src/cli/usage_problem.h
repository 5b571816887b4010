#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
class ParseError;
}  // namespace CLI

namespace kv::cli {

// One line about arguments that were not understood: names what is wrong, the environment variable
// if it came from there, and where to look.
std::string usage_problem(const CLI::App& app, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments);

// What is wrong with a --name= behind which nothing stands: CLI11 would take the next argument,
// were it a flag, for the value. Empty when there is none.
std::string empty_assignment(const std::vector<std::string>& arguments);

}  // namespace kv::cli
