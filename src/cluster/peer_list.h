#pragma once

#include <string>
#include <string_view>

#include "base/uuid.h"
#include "format/membership.h"
#include "kv/result.h"

namespace kv::cluster {

// Members listen for each other at their port for clients and this, unless it is said otherwise.
inline constexpr unsigned kPeerPortOffset = 10'000;

// "1=HOST:PORT,2=HOST:PORT/PEERPORT,...": node number, where clients find it, and its port for the
// other members. Numbers from 1 on, each once; in any order. Names are resolved when they are
// needed. kInvalidArgument says which word is wrong.
Result<format::Membership> parse_peer_list(std::string_view text);

// One of them.
Result<format::Member> parse_member(std::string_view word);

// Every member that is started with the same list and name is of the same cluster; another list
// makes another one.
base::Uuid cluster_id_of(const format::Membership& membership, std::string_view name);

}  // namespace kv::cluster
