#include "cli/data_option.h"

#include <cstdlib>

#include <CLI/CLI.hpp>

namespace kv::cli {

CLI::Option* add_data_option(CLI::App& command, std::string& data, const std::string& help) {
  return command.add_option("--data", data, help)
      ->envname("KV_DATA")
      ->check(problem_with_directory)
      ->capture_default_str();
}

void refuse_empty_variable(const CLI::Option& data) {
  if (data.count() > 0) return;
  const char* const variable = std::getenv(data.get_envname().c_str());
  if (variable != nullptr && *variable == '\0') {
    throw CLI::ValidationError(data.get_name(), problem_with_directory(""));
  }
}

std::string problem_with_directory(const std::string& text) {
  return text.empty() ? "the name of the directory is empty" : "";
}

}  // namespace kv::cli
