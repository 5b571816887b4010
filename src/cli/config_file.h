#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// Gives the options of `command` that neither a flag nor the environment set the values that the
// file says: lines of `name = value`, names as the flags without their dashes (rel/kv.conf). Throws
// CLI::ConfigError naming the file and the entry for unknown names and values that the option
// refuses. (CLI11's own config files win over the environment and let unknown names pass.)
void apply_config_file(CLI::App& command, const std::string& path);

}  // namespace kv::cli
