#pragma once

#include <string>

#include "kv/result.h"

namespace kv::server {

// Where to listen, taken apart: HOST:PORT, an IPv6 host in brackets, port 0 for any free one.
struct ListenAddress {
  std::string host;
  std::string port;  // 0 to 65535, in decimal
};

// kInvalidArgument: that is no HOST:PORT.
Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace kv::server
