#include "cli/config_file.h"

#include <fstream>
#include <optional>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace kv::cli {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view without_comment(std::string_view text) {
  return trimmed(text.substr(0, text.find('#')));
}

// In quotes of either kind all bytes stand for themselves. nullopt: the quote does not end, or
// something stands behind it.
std::optional<std::string> value_of(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\''))
    return std::string(without_comment(text));
  const std::size_t end = text.find(text[0], 1);
  if (end == std::string_view::npos) return std::nullopt;
  if (!without_comment(text.substr(end + 1)).empty()) return std::nullopt;
  return std::string(text.substr(1, end - 1));
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

// One config file, from its first line to its last; throws what is wrong.
class ConfigFile {
 public:
  ConfigFile(CLI::App& command, const std::string& path) : command_(command), path_(path) {}

  void apply(std::string_view line) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') return;
    if (line[0] == '[') {
      fail(fmt::format("unknown section {}: a line is `name = value`, and there are no sections",
                       without_comment(line)));
    }
    const std::size_t equals = without_comment(line).find('=');
    const std::string name(trimmed(without_comment(line).substr(0, equals)));
    CLI::Option& option = find(name);
    if (!names_.insert(name).second) fail(fmt::format("entry \"{}\" stands there twice", name));
    std::optional<std::string> value = "true";
    if (equals != std::string_view::npos) value = value_of(trimmed(line.substr(equals + 1)));
    if (equals == std::string_view::npos && !is_flag(option))
      fail(fmt::format("entry \"{}\" has no value: {} = VALUE", name, name));
    if (!value) fail(fmt::format("entry \"{}\": the value is not one text in quotes", name));
    if (option.count() == 0) set(option, name, *value);  // else a flag or the environment was first
  }

 private:
  CLI::Option& find(const std::string& name) {
    CLI::Option* const option = command_.get_option_no_throw("--" + name);
    const bool is_known =
        option != nullptr && option != command_.get_help_ptr() && name != "config";
    if (!is_known) fail(fmt::format("unknown entry \"{}\"", name));
    return *option;
  }
  void set(CLI::Option& option, const std::string& name, const std::string& value) {
    try {
      option.add_result(value);
      option.run_callback();
    } catch (const CLI::ParseError& error) {
      fail(fmt::format("entry \"{}\": {}", name, error.what()));
    }
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw CLI::ConfigError(fmt::format("{}: {}", path_, problem));
  }

  CLI::App& command_;
  const std::string& path_;
  std::set<std::string> names_;
};

}  // namespace

void apply_config_file(CLI::App& command, const std::string& path) {
  std::ifstream file(path);
  ConfigFile config(command, path);
  if (!file) throw CLI::ConfigError(fmt::format("cannot read config file {}", path));
  for (std::string line; std::getline(file, line);) config.apply(line);
  // A directory can be opened, too.
  if (file.bad()) throw CLI::ConfigError(fmt::format("cannot read config file {}", path));
}

}  // namespace kv::cli
