#pragma once

#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::client {

// Where a server listens, taken apart: HOST:PORT, an IPv6 host in brackets.
struct Address {
  std::string host;
  std::string port;  // 1 to 65535, in decimal
};

// kInvalidArgument: that is no HOST:PORT.
Result<Address> parse_address(std::string_view text);

}  // namespace kv::client
