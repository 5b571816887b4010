#include "cli/escape.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/utf8.h"

namespace kv::cli {

namespace {

// Takes one escape behind its backslash off `rest`.
std::optional<char> take_escape(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const char c = rest[0];
  rest.remove_prefix(1);
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case '"':
    case '\\':
      return c;
    case 'x': {
      if (rest.size() < 2 || base::hex_digit(rest[0]) < 0 || base::hex_digit(rest[1]) < 0)
        return std::nullopt;
      const int value = base::hex_digit(rest[0]) * 16 + base::hex_digit(rest[1]);
      rest.remove_prefix(2);
      return static_cast<char>(value);
    }
    default:
      return std::nullopt;
  }
}

// What a terminal would obey instead of showing it: C0, DEL, and C1 in UTF-8.
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

}  // namespace

std::string in_quotes(std::string_view bytes) {
  std::string out = "\"";
  while (!bytes.empty()) {
    const char c = bytes[0];
    std::size_t size = base::utf8_sequence_size(bytes);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (size == 0 || is_control(bytes.substr(0, size))) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      size = 1;
    } else {
      out += bytes.substr(0, size);
    }
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out + '"';
}

std::string shown(std::string_view bytes) {
  const std::string text = in_quotes(bytes);
  const bool is_plain = text.size() == bytes.size() + 2 && !bytes.empty() && bytes.front() != ' ' &&
                        bytes.back() != ' ';
  return is_plain ? std::string(bytes) : text;
}

std::optional<std::vector<Word>> split_words(std::string_view rest) {
  std::vector<Word> words;
  for (;;) {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
    if (rest.empty()) return words;
    std::string word;
    if (rest[0] != '"') {
      const std::size_t size = std::min(rest.find_first_of(" \t"), rest.size());
      words.push_back({std::string(rest.substr(0, size)), false});
      rest.remove_prefix(size);
      continue;
    }
    rest.remove_prefix(1);
    for (;;) {
      if (rest.empty()) return std::nullopt;
      const char c = rest[0];
      rest.remove_prefix(1);
      if (c == '"') break;
      if (c != '\\') {
        word += c;
        continue;
      }
      const auto escaped = take_escape(rest);
      if (!escaped) return std::nullopt;
      word += *escaped;
    }
    if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t') return std::nullopt;
    words.push_back({std::move(word), true});
  }
}

}  // namespace kv::cli
