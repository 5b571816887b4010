#include "client/address.h"

#include <charconv>

#include <fmt/format.h>

namespace kv::client {

namespace {

constexpr unsigned kPortMax = 65535;

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 1 &&
         number <= kPortMax;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const auto refuse = [&] {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("\"{}\" is not HOST:PORT, such as 127.0.0.1:7400", text),
              {}});
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse();  // an IPv6 host without brackets: where it ends is a guess
  }
  if (host.empty() || host.find('\0') != std::string_view::npos || !is_port(port)) return refuse();
  return Address{std::string(host), std::string(port)};
}

Result<std::vector<std::string>> parse_addresses(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    if (auto address = parse_address(one); !address) {
      return tl::unexpected(std::move(address).error());
    }
    out.emplace_back(one);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace kv::client
