#include "cli/config_file.h"

#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace kv::cli {

void apply_config_file(CLI::App& command, const std::string& path) {
  std::ifstream file(path);
  if (!file) throw CLI::ConfigError(fmt::format("cannot read config file {}", path));
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(file)) {
    CLI::Option* const option = command.get_option_no_throw("--" + item.name);
    const bool is_known = option != nullptr && option != command.get_help_ptr() &&
                          item.parents.empty() && item.name != "config";
    if (!is_known)
      throw CLI::ConfigError(fmt::format("{}: unknown entry \"{}\"", path, item.fullname()));
    if (option->count() > 0) continue;  // a flag or the environment was first
    try {
      for (const std::string& value : item.inputs) option->add_result(value);
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw CLI::ConfigError(fmt::format("{}: entry \"{}\": {}", path, item.name, error.what()));
    }
  }
}

}  // namespace kv::cli
