#include "protocol/header.h"

#include <algorithm>
#include <limits>

namespace kv::protocol {

namespace {

constexpr std::size_t kTagMax = 32;
constexpr std::size_t kVerbMax = 16;
constexpr std::size_t kNameMax = 16;
constexpr std::size_t kOptionValueMax = 128;
constexpr std::size_t kLengthDigitsMax = 10;
constexpr std::size_t kNumberDigitsMax = 20;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_tag_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':';
}
bool is_name_char(char c) { return is_alpha(c) || is_digit(c) || c == '_'; }
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

std::optional<std::uint64_t> parse_digits(std::string_view text, std::size_t digits_max) {
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    if (value > kMax / 10 || value * 10 > kMax - digit) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

// Cuts the next token off; tokens stand between single spaces.
std::string_view take_token(std::string_view& rest) {
  const std::size_t size = std::min(rest.find(' '), rest.size());
  const std::string_view token = rest.substr(0, size);
  rest.remove_prefix(std::min(size + 1, rest.size()));
  return token;
}

const char* parse_option(std::string_view token, HeaderLine& header) {
  const std::size_t equals = token.find('=');
  if (equals == std::string_view::npos) {
    return "a word that is neither a length nor name=value; a header has the lengths of what "
           "stands "
           "behind its line end: GET 8, Enter, greeting";
  }
  const std::string_view name = token.substr(0, equals);
  const std::string_view value = token.substr(equals + 1);
  if (name.empty() || name.size() > kNameMax || !is_alpha(name[0]) ||
      !std::all_of(name.begin(), name.end(), is_name_char)) {
    return "an option's name is a letter and up to 15 letters, digits or _";
  }
  if (value.empty() || value.size() > kOptionValueMax ||
      !std::all_of(value.begin(), value.end(), is_visible)) {
    return "an option's value is 1 to 128 visible ASCII characters";
  }
  if (header.option_count < HeaderLine::kOptionsMax) {
    header.options[header.option_count++] = {name, value};
  }
  return nullptr;
}

}  // namespace

std::optional<std::uint64_t> parse_length(std::string_view text) {
  return parse_digits(text, kLengthDigitsMax);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  return parse_digits(text, kNumberDigitsMax);
}

bool parse_subheader(std::string_view line, std::uint64_t& key_size, std::uint64_t& value_size) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  const auto key = parse_length(line.substr(0, space));
  const auto value = parse_length(line.substr(space + 1));
  if (!key || !value) return false;
  key_size = *key;
  value_size = *value;
  return true;
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kTagMax &&
         std::all_of(text.begin(), text.end(), is_tag_char);
}

std::string_view tag_of(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line[0] != '@') return {};
  const std::string_view tag = line.substr(1, space - 1);
  return is_tag(tag) ? tag : std::string_view();
}

const char* parse_header(std::string_view line, HeaderLine& header) {
  std::string_view rest = line;
  if (!rest.empty() && rest[0] == '@') {
    const std::string_view tag = take_token(rest).substr(1);
    if (!is_tag(tag)) return "a tag is @ and 1 to 32 letters, digits or _-.:";
    header.tag = tag;
    if (rest.empty()) return "a tag stands in front of a verb";
  }
  const std::string_view verb = take_token(rest);
  if (verb.empty() || verb.size() > kVerbMax || !std::all_of(verb.begin(), verb.end(), is_alpha)) {
    return "a request begins with a verb of 1 to 16 letters; HELP lists them";
  }
  header.verb = verb;
  if (line.back() == ' ') return "the line ends in a blank; nothing stands behind the last word";
  while (!rest.empty()) {
    const std::string_view token = take_token(rest);
    if (token.empty()) return "words are parted by one blank, here are more";
    if (!is_digit(token[0])) {
      if (const char* wrong = parse_option(token, header)) return wrong;
      continue;
    }
    const auto length = parse_length(token);
    if (!length) return "a length is a plain decimal without leading zeros, at most 10 digits";
    if (header.option_count > 0) return "lengths stand before options";
    if (header.length_count < HeaderLine::kLengthsMax) {
      header.lengths[header.length_count] = *length;
    }
    header.length_count += 1;
  }
  return nullptr;
}

}  // namespace kv::protocol
