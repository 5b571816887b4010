#include "cli/usage_problem.h"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/suggest.h"

namespace kv::cli {

namespace {

using Words = std::vector<std::string>;

// The arguments that are neither flags of all commands nor such a flag's values, up to two: a
// command and what may be one below it.
Words command_words(const CLI::App& app, const Words& arguments) {
  Words found;
  for (std::size_t i = 0; i < arguments.size() && found.size() < 2; ++i) {
    const std::string& word = arguments[i];
    if (word.empty() || word[0] != '-') {
      found.push_back(word);
      continue;
    }
    const CLI::Option* const option = app.get_option_no_throw(word);
    if (option != nullptr && option->get_expected_min() > 0) ++i;
  }
  return found;
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

// `above`: the command that it should be one of; empty for those of kv itself.
std::string no_command(const CLI::App& app, const std::string& above, const std::string& typed) {
  Words names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const std::string guess = nearest(typed, names);
  const std::string before = above.empty() ? "" : above + " ";
  return fmt::format("no command \"{}{}\"{}; `kv help{}` lists them", before, typed,
                     guess.empty() ? "" : fmt::format(", did you mean {}{}?", before, guess),
                     above.empty() ? "" : " " + above);
}

// What is left over, CLI11 tells in a list: the first flag in it is the mistake.
std::string left_over(const CLI::App& app) {
  const Words words = app.remaining(true);
  const auto flag = std::find_if(words.begin(), words.end(),
                                 [](const std::string& word) { return word.starts_with("--"); });
  if (flag != words.end()) return fmt::format("no option {}", flag->substr(0, flag->find('=')));
  return words.empty() ? "" : fmt::format("one argument too many: \"{}\"", words.front());
}

// " (from KV_SYNC)" when the text is about an option that the environment set.
std::string origin(const CLI::App& app, const CLI::App* command, const std::string& text,
                   const Words& arguments) {
  const std::string name = text.substr(0, text.find(':'));
  const CLI::Option* option = app.get_option_no_throw(name);
  if (option == nullptr && command != nullptr) option = command->get_option_no_throw(name);
  if (option == nullptr || option->get_envname().empty()) return {};
  const bool is_flag = std::any_of(
      arguments.begin(), arguments.end(),
      [&](const std::string& word) { return word == name || word.starts_with(name + "="); });
  const bool is_set = std::getenv(option->get_envname().c_str()) != nullptr;
  return is_set && !is_flag ? fmt::format(" (from {})", option->get_envname()) : "";
}

}  // namespace

std::string usage_problem(const CLI::App& app, const CLI::ParseError& error,
                          const Words& arguments) {
  const Words words = command_words(app, arguments);
  const std::string typed = words.empty() ? "" : words[0];
  const CLI::App* const command = find_command(app, typed);
  if (command == nullptr && !typed.empty()) return no_command(app, "", typed);
  const bool has_below = command != nullptr && command->get_require_subcommand_min() > 0;
  if (has_below && words.size() > 1 && find_command(*command, words[1]) == nullptr) {
    return no_command(*command, typed, words[1]);
  }
  std::string text = error.what();
  const bool has_more = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (command == nullptr) text = "which command?";
  if (command == nullptr || has_more) {
    if (const std::string extra = left_over(app); !extra.empty()) text = extra;
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  // "Could not convert: --detach = perhaps" is the one text that does not begin with the option.
  constexpr std::string_view kConvert = "Could not convert: ";
  if (const std::size_t equals = text.find(" = ");
      text.starts_with(kConvert) && equals != text.npos) {
    text = fmt::format("{}: {} is no such value",
                       text.substr(kConvert.size(), equals - kConvert.size()),
                       text.substr(equals + 3));
  }
  // "--data: 1 required TEXT missing"
  constexpr std::string_view kMissing = " missing";
  if (const std::size_t required = text.find(": 1 required ");
      required != text.npos && text.ends_with(kMissing)) {
    text = fmt::format("{}: its value is missing", text.substr(0, required));
  }
  return fmt::format("{}{}; see `kv help{}`", text, origin(app, command, text, arguments),
                     typed.empty() ? "" : " " + typed);
}

std::string empty_assignment(const Words& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    const std::string name = word.substr(0, word.size() - 1);
    return fmt::format("nothing stands behind {}; {} '' is the empty text", word, name);
  }
  return {};
}

}  // namespace kv::cli
