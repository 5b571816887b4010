#include "server/glob.h"

#include <algorithm>
#include <utility>

namespace kv::server {

namespace {

// One byte against what the pattern begins with; takes that off. A class that does not end reaches
// to the end of the pattern.
bool take_one(std::string_view& pattern, char byte) {
  const char first = pattern[0];
  pattern.remove_prefix(1);
  if (first == '?') return true;
  if (first == '\\' && !pattern.empty()) {
    const char literal = pattern[0];
    pattern.remove_prefix(1);
    return literal == byte;
  }
  if (first != '[') return first == byte;
  const bool is_negated = pattern.starts_with('^');
  if (is_negated) pattern.remove_prefix(1);
  bool is_in = false;
  const auto value = [](char c) { return static_cast<unsigned char>(c); };
  while (!pattern.empty() && pattern[0] != ']') {
    if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    char low = pattern[0];
    char high = low;
    pattern.remove_prefix(1);
    if (pattern.size() >= 2 && pattern[0] == '-' && pattern[1] != ']') {
      high = pattern[1];
      pattern.remove_prefix(2);
    }
    if (value(low) > value(high)) std::swap(low, high);
    is_in |= value(low) <= value(byte) && value(byte) <= value(high);
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return is_in != is_negated;
}

}  // namespace

// The last star alone is tried again, one byte further: earlier ones have taken the least they can.
bool glob_matches(std::string_view pattern, std::string_view text) {
  std::string_view star_pattern;
  std::string_view star_text;
  bool has_star = false;
  while (true) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_text = text;
      has_star = true;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty() && take_one(pattern, text[0])) {
      text.remove_prefix(1);
      continue;
    }
    if (!has_star || star_text.empty()) return false;
    star_text.remove_prefix(1);
    text = star_text;
    pattern = star_pattern;
  }
}

std::string glob_prefix(std::string_view pattern) {
  std::string prefix;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' || c == '?' || c == '[') break;
    if (c == '\\' && i + 1 < pattern.size()) ++i;
    prefix += pattern[i];
  }
  return prefix;
}

}  // namespace kv::server
