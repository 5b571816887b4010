#include "cli/address_option.h"

#include <fmt/format.h>

#include "client/address.h"
#include "server/listen_address.h"

namespace kv::cli {

std::string problem_with_addresses(const std::string& text) {
  const auto addresses = client::parse_addresses(text);
  return addresses ? "" : addresses.error().context;
}

std::string problem_with_listen_address(const std::string& text) {
  const auto address = server::parse_listen_address(text);
  return address ? "" : address.error().context;
}

std::string problem_with_resp(const std::string& text) {
  if (text == "on" || text == "off" || server::parse_listen_address(text)) return {};
  return fmt::format("\"{}\" is neither on nor off nor HOST:PORT, such as 127.0.0.1:6379", text);
}

}  // namespace kv::cli
