#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/escape.h"
#include "kv/client.h"

namespace kv::cli {

// What the verbs of the interactive shell take: the words behind them, and what HELP says.
struct VerbOptions {
  const char* verb;
  std::vector<const char*> options;
};

const std::vector<VerbOptions>& verbs();
std::string_view shell_help();

// "name=value"; in quotes it is a key or value like any other.
using NamedOption = std::pair<std::string, std::string>;
std::optional<NamedOption> option_of(const Word& word);
std::optional<std::uint64_t> number_of(const std::string& text);

// Whether the verb has that option and it may have that value, which `out` has then.
bool take_write_option(const NamedOption& option, WriteOptions& out);
bool take_level_option(const std::string& name, std::uint64_t number, ReadOptions& out);
bool take_range_option(const std::string& name, std::uint64_t number, RangeOptions& out);

}  // namespace kv::cli
