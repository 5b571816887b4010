#include "cli/escape.h"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace kv::cli {

namespace {

// Length of the valid UTF-8 sequence at the front (RFC 3629), 0 if there is none.
std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (size == 0 || first > 0xf4 || bytes.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool is_surrogate = first == 0xed && at(1) > 0x9f;
  const bool is_beyond = first == 0xf4 && at(1) > 0x8f;
  return is_overlong || is_surrogate || is_beyond ? 0 : size;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

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
      if (rest.size() < 2 || hex_digit(rest[0]) < 0 || hex_digit(rest[1]) < 0) return std::nullopt;
      const int value = hex_digit(rest[0]) * 16 + hex_digit(rest[1]);
      rest.remove_prefix(2);
      return static_cast<char>(value);
    }
    default:
      return std::nullopt;
  }
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = utf8_length(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string in_quotes(std::string_view bytes) {
  std::string out = "\"";
  while (!bytes.empty()) {
    const char c = bytes[0];
    const std::size_t size = utf8_length(bytes);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (size == 0 || (size == 1 && (c < 0x20 || c == 0x7f))) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
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

std::optional<std::vector<std::string>> split_words(std::string_view rest) {
  std::vector<std::string> words;
  for (;;) {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
    if (rest.empty()) return words;
    std::string word;
    if (rest[0] != '"') {
      const std::size_t size = std::min(rest.find_first_of(" \t"), rest.size());
      words.emplace_back(rest.substr(0, size));
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
    words.push_back(std::move(word));
  }
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]))
                               : 0u;
    };
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kBase64[three >> 18];
    out += kBase64[three >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64[three & 63] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t four = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const bool is_padding = i + j >= text.size() - padding;
      const std::size_t digit = is_padding ? 0 : kBase64.find(text[i + j]);
      if (digit == std::string_view::npos) return std::nullopt;
      four = four << 6 | static_cast<std::uint32_t>(digit);
    }
    out += static_cast<char>(four >> 16 & 0xff);
    out += static_cast<char>(four >> 8 & 0xff);
    out += static_cast<char>(four & 0xff);
  }
  out.resize(out.size() - padding);
  return out;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> kUnits = {
      {{"", 1},
       {"B", 1},
       {"KiB", 1ull << 10},
       {"MiB", 1ull << 20},
       {"GiB", 1ull << 30},
       {"K", 1ull << 10},
       {"M", 1ull << 20},
       {"G", 1ull << 30},
       {"KB", 1000},
       {"MB", 1'000'000}}};
  for (const auto& [name, factor] : kUnits) {
    if (unit != name) continue;
    if (number > UINT64_MAX / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

std::string human_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ' ');
  return digits;
}

}  // namespace kv::cli
