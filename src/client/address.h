#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"

namespace kv::client {

// Where a server listens, taken apart: HOST:PORT, an IPv6 host in brackets.
struct Address {
  std::string host;
  std::string port;  // 1 to 65535, in decimal
};

// kInvalidArgument: that is no HOST:PORT.
Result<Address> parse_address(std::string_view text);

// The servers of a cluster, "a:7400,b:7400", each as it stands there; at least one.
// kInvalidArgument: one of them is no HOST:PORT.
Result<std::vector<std::string>> parse_addresses(std::string_view text);

}  // namespace kv::client
