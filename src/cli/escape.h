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

// Splits a line into words: plain ones, and quoted ones with the escapes above. nullopt: a quote
// that does not end, or an escape that is none.
std::optional<std::vector<std::string>> split_words(std::string_view line);

bool is_utf8(std::string_view bytes);
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// "64KiB", "1MB", "128": bytes. nullopt: no size.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "1.5 GB" and the like.
std::string human_bytes(double bytes);
// 12 345 678
std::string human_count(std::uint64_t count);

}  // namespace kv::cli
