#pragma once

#include <string>
#include <vector>

#include "kv/result.h"

namespace kv::etcd {

// Where one server of an etcd cluster hears its clients.
struct Endpoint {
  std::string host;
  std::string port;
};

// HOST:PORT[,HOST:PORT...], each as http://HOST:PORT if somebody likes. kInvalidArgument: that is
// none, or asks for TLS, which is not there.
Result<std::vector<Endpoint>> parse_endpoints(const std::string& text);

}  // namespace kv::etcd
