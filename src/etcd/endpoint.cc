#include "etcd/endpoint.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "server/listen_address.h"

namespace kv::etcd {

namespace {

Error invalid(std::string text) { return {Errc::kInvalidArgument, std::move(text), {}}; }

Result<Endpoint> parse_endpoint(std::string text) {
  constexpr std::string_view kPlain = "http://";
  if (text.starts_with("https://")) {
    return tl::unexpected(invalid(fmt::format(
        "{}: etcd is asked by plain HTTP alone; name an address that hears that", text)));
  }
  if (text.starts_with(kPlain)) text.erase(0, kPlain.size());
  auto address = server::parse_listen_address(text);
  if (!address) return tl::unexpected(std::move(address).error());
  if (address->port == "0") return tl::unexpected(invalid(text + ": nobody hears at port 0"));
  return Endpoint{std::move(address->host), std::move(address->port)};
}

}  // namespace

Result<std::vector<Endpoint>> parse_endpoints(const std::string& text) {
  std::vector<Endpoint> endpoints;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t comma = text.find(',', begin);
    auto endpoint = parse_endpoint(text.substr(begin, comma - begin));
    if (!endpoint) return tl::unexpected(std::move(endpoint).error());
    endpoints.push_back(std::move(*endpoint));
    if (comma == std::string::npos) return endpoints;
    begin = comma + 1;
  }
}

}  // namespace kv::etcd
