#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kv::protocol {

// A header line taken apart by the grammar alone (protocol.abnf), before any verb is understood.
struct HeaderLine {
  static constexpr std::size_t kLengthsMax = 2;  // no verb has more
  // No verb knows as many options, so that among this many one is unknown or there twice, and the
  // ones behind them need not be kept.
  static constexpr std::size_t kOptionsMax = 16;

  struct Option {
    std::string_view name;
    std::string_view value;
  };

  std::string_view tag;
  std::string_view verb;
  std::array<std::uint64_t, kLengthsMax> lengths{};
  std::size_t length_count = 0;  // may exceed kLengthsMax; only the first are kept
  std::array<Option, kOptionsMax> options{};
  std::size_t option_count = 0;

  std::span<const Option> option_list() const { return {options.data(), option_count}; }
};

// `line` is without its line end. nullptr: fine; else what is wrong with it, in words. Fills in the
// tag and the verb as soon as they are known to be good, so that a refusal can carry the one, and
// an unknown verb is told whatever stands behind it.
const char* parse_header(std::string_view line, HeaderLine& header);

// The tag of a line that begins with "@tag "; empty: none, or not a good one.
std::string_view tag_of(std::string_view line);
bool is_tag(std::string_view text);  // without '@'

// "0", or digits without a leading zero, at most 10 of them.
std::optional<std::uint64_t> parse_length(std::string_view text);
// The same with up to 20 digits, within 64 bits: option values.
std::optional<std::uint64_t> parse_number(std::string_view text);

// "len SP len" of a BPUT item.
bool parse_subheader(std::string_view line, std::uint64_t& key_size, std::uint64_t& value_size);

}  // namespace kv::protocol
