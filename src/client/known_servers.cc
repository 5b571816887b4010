#include "client/known_servers.h"

namespace kv::client {

void KnownServers::go_to(std::string_view address) {
  const auto found = std::find(addresses_.begin(), addresses_.end(), address);
  current_ = static_cast<std::size_t>(found - addresses_.begin());
  if (found != addresses_.end()) return;
  addresses_.emplace_back(address);
  if (addresses_.size() - given_ > kToldMax) {
    addresses_.erase(addresses_.begin() + static_cast<std::ptrdiff_t>(given_));
    current_ -= 1;
  }
}

void KnownServers::go_on() { current_ = (current_ + 1) % addresses_.size(); }

}  // namespace kv::client
