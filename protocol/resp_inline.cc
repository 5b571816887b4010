// Inline commands: a line typed by a person, split into words.

#include "base/hex.h"
#include "protocol/resp_parser.h"

namespace kv::protocol {

namespace {

char named_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

// What a backslash in double quotes begins; `line` begins behind it.
char take_escape(std::string_view& line) {
  if (line.size() >= 3 && line[0] == 'x' && base::hex_digit(line[1]) >= 0 &&
      base::hex_digit(line[2]) >= 0) {
    const int byte = base::hex_digit(line[1]) * 16 + base::hex_digit(line[2]);
    line.remove_prefix(3);
    return static_cast<char>(byte);
  }
  const char c = named_escape(line[0]);
  line.remove_prefix(1);
  return c;
}

// A quoted part of a word; `line` begins behind the quote. False: it does not end.
bool take_quoted(std::string_view& line, char quote, std::string& word) {
  while (!line.empty()) {
    const char c = line[0];
    line.remove_prefix(1);
    if (c == quote) return line.empty() || is_space(line[0]);
    if (c == '\\' && !line.empty() && (quote == '"' || line[0] == '\'')) {
      word += quote == '"' ? take_escape(line) : '\'';
      if (quote == '\'') line.remove_prefix(1);
      continue;
    }
    word += c;
  }
  return false;
}

}  // namespace

bool split_inline(std::string_view line, std::vector<std::string>& words) {
  for (;;) {
    while (!line.empty() && is_space(line[0])) line.remove_prefix(1);
    if (line.empty()) return true;
    std::string& word = words.emplace_back();
    while (!line.empty() && !is_space(line[0])) {
      const char c = line[0];
      line.remove_prefix(1);
      if (c != '"' && c != '\'') {
        word += c;
      } else if (!take_quoted(line, c, word)) {
        return false;
      }
    }
  }
}

}  // namespace kv::protocol
