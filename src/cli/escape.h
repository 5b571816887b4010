#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kv::cli {

// Bytes as a person may read and type them: "a\x00b" with \n \r \t \" \\ and \xNN for all else that
// is no visible ASCII or valid UTF-8.
std::string in_quotes(std::string_view bytes);
// The same without quotes where none are needed.
std::string shown(std::string_view bytes);

struct Word {
  std::string text;
  bool is_quoted = false;
};
// Splits a line into words: plain ones, and quoted ones with the escapes above. nullopt: a quote
// that does not end, or an escape that is none.
std::optional<std::vector<Word>> split_words(std::string_view line);

}  // namespace kv::cli
