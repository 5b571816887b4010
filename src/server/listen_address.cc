#include "server/listen_address.h"

#include <fmt/format.h>

namespace kv::server {

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto refuse = [&] {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("\"{}\" is not HOST:PORT, such as 127.0.0.1:7400", text),
              {}});
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return refuse();
  std::string host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  const bool is_port = !port.empty() && port.size() <= 5 &&
                       port.find_first_not_of("0123456789") == std::string::npos &&
                       std::stoul(port) <= 65535;
  if (!is_port) return refuse();
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  // An IPv6 host without brackets: where it ends is a guess.
  if (!is_bracketed && host.find(':') != std::string::npos) return refuse();
  return ListenAddress{host, port};
}

}  // namespace kv::server
