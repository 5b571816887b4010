#include "protocol/reply_pattern.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "protocol/header.h"

namespace kv::protocol {

namespace {

constexpr std::uint64_t kRepeatedMax = 256ull * 1024 * 1024;

Error invalid(std::string_view what, std::string_view text, std::size_t at) {
  return {Errc::kInvalidArgument,
          fmt::format("{} at column {}: {}", what, at + 1, text.substr(at, 16)),
          {}};
}

std::optional<char> hex_byte(std::string_view digits) {
  unsigned value = 0;
  if (digits.size() != 2) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, value, 16);
  if (error != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(value);
}

// "\(BYTES*COUNT)" at `at`, which moves behind it.
Result<std::string> unescape_repeated(std::string_view text, std::size_t& at) {
  const std::size_t close = text.find(')', at);
  const std::size_t star = text.rfind('*', close);
  if (close == std::string_view::npos || star == std::string_view::npos || star < at + 2) {
    return tl::unexpected(invalid("no *COUNT) behind \\(", text, at));
  }
  const auto count = parse_length(text.substr(star + 1, close - star - 1));
  auto bytes = unescape_bytes(text.substr(at + 2, star - at - 2));
  if (!bytes) return bytes;
  if (!count || *count * bytes->size() > kRepeatedMax) {
    return tl::unexpected(invalid("a bad count", text, at));
  }
  std::string out;
  out.reserve(static_cast<std::size_t>(*count) * bytes->size());
  for (std::uint64_t i = 0; i < *count; ++i) out += *bytes;
  at = close + 1;
  return out;
}

// The escape at `at`, which moves behind it.
Result<std::string> unescape_one(std::string_view text, std::size_t& at) {
  const char what = at + 1 < text.size() ? text[at + 1] : '\0';
  if (what == '(') return unescape_repeated(text, at);
  if (what == 'x') {
    const auto byte = hex_byte(text.substr(std::min(at + 2, text.size()), 2));
    if (!byte) return tl::unexpected(invalid("\\x takes two hex digits", text, at));
    at += 4;
    return std::string(1, *byte);
  }
  const std::size_t known = std::string_view("nr\\").find(what);
  if (known == std::string_view::npos) return tl::unexpected(invalid("unknown escape", text, at));
  at += 2;
  return std::string(1, "\n\r\\"[known]);
}

// The byte or escape at `at`, which moves behind it.
Result<std::string> unescape_next(std::string_view text, std::size_t& at) {
  if (text[at] == '\\') return unescape_one(text, at);
  if (text[at] < 0x20 || text[at] > 0x7e) {
    return tl::unexpected(invalid("a byte that has to be escaped", text, at));
  }
  return std::string(1, text[at++]);
}

bool take_suffix(std::string& bytes, std::string_view suffix) {
  if (!bytes.ends_with(suffix)) return false;
  bytes.resize(bytes.size() - suffix.size());
  return true;
}

std::size_t digit_count(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

}  // namespace

Result<std::string> unescape_bytes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto next = unescape_next(text, at);
    if (!next) return next;
    out += *next;
  }
  return out;
}

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c < 0x20 || c > 0x7e) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

Result<ReplyPattern> ReplyPattern::parse(std::string_view text) {
  ReplyPattern pattern;
  pattern.text_ = text;
  std::string bytes;
  const auto flush = [&] {
    if (!bytes.empty()) pattern.parts_.push_back({Kind::kBytes, std::exchange(bytes, {})});
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '*') {
      auto next = unescape_next(text, at);
      if (!next) return tl::unexpected(std::move(next).error());
      bytes += *next;
      continue;
    }
    auto wildcard = parse_wildcard(text, at, bytes);
    if (!wildcard) return tl::unexpected(std::move(wildcard).error());
    flush();
    at += wildcard->kind == Kind::kAnything ? 2 : 1;
    pattern.parts_.push_back(*std::move(wildcard));
  }
  flush();
  return pattern;
}

// What the `*` at `at` stands for. What is in front of it in `before` may be part of it.
Result<ReplyPattern::Part> ReplyPattern::parse_wildcard(std::string_view text, std::size_t at,
                                                        std::string& before) {
  const std::string_view behind = text.substr(at + 1);
  if (behind == "*") return Part{Kind::kAnything, {}};
  if (before.ends_with('=')) return Part{Kind::kNumber, {}};
  if (behind.starts_with("\\n") || behind.starts_with("\\r\\n")) {
    if (take_suffix(before, " :")) return Part{Kind::kText, " :"};
    if (before == "INFO " || before.ends_with(" INFO ")) return Part{Kind::kInfo, {}};
    // Its end has to be known, so that a carriage return there is not taken for text.
    if (before.ends_with(' ')) return Part{Kind::kLine, behind[1] == 'r' ? "\r\n" : "\n"};
  }
  return tl::unexpected(invalid("a * that stands for nothing; a star itself is \\x2a", text, at));
}

std::optional<std::size_t> ReplyPattern::match_front(std::string_view actual) const {
  std::size_t at = 0;
  for (const Part& part : parts_) {
    const auto size = match_part(part, actual.substr(at));
    if (!size) return std::nullopt;
    at += *size;
  }
  return at;
}

std::optional<std::size_t> ReplyPattern::match_part(const Part& part, std::string_view actual) {
  switch (part.kind) {
    case Kind::kBytes:
      return actual.starts_with(part.bytes) ? std::optional(part.bytes.size()) : std::nullopt;
    case Kind::kNumber: {
      const std::size_t size = digit_count(actual);
      return parse_number(actual.substr(0, size)) ? std::optional(size) : std::nullopt;
    }
    case Kind::kText:
      return actual.starts_with(part.bytes) ? std::min(actual.find('\n'), actual.size()) : 0;
    case Kind::kLine: {
      const std::size_t end = actual.find(part.bytes);
      const bool is_in_line = end == actual.find('\n') - (part.bytes.size() - 1);
      return end != 0 && end != std::string_view::npos && is_in_line ? std::optional(end)
                                                                     : std::nullopt;
    }
    case Kind::kInfo: {
      const std::size_t digits = digit_count(actual);
      const auto size = parse_length(actual.substr(0, digits));
      if (!size || digits == actual.size() || actual[digits] != '\n') return std::nullopt;
      const std::uint64_t whole = digits + 1 + *size;  // the last line end is in the pattern
      if (whole > actual.size()) return std::nullopt;
      return static_cast<std::size_t>(whole);
    }
    case Kind::kAnything:
      return actual.size();
  }
  return std::nullopt;
}

}  // namespace kv::protocol
