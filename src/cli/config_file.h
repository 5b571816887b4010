#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// Gives the options of `command` that neither a flag nor the environment set the values that the
// file says: lines of `name = value`, names as the flags without their dashes (rel/kv.conf), values
// in quotes where they hold # or end in blanks. Only flags need no value. Throws CLI::ConfigError
// naming the file and the entry for sections, for names that are unknown or stand there twice and
// for values that the option refuses. (CLI11's own config files win over the environment, let
// unknown names pass and take an option without a value for "true".)
void apply_config_file(CLI::App& command, const std::string& path);

}  // namespace kv::cli
