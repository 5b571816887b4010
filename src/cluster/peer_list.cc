#include "cluster/peer_list.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/checksum.h"
#include "server/listen_address.h"

namespace kv::cluster {

namespace {

constexpr unsigned kPortMax = 65535;

Error wrong(std::string_view word, std::string_view why) {
  return {
      Errc::kInvalidArgument,
      fmt::format("\"{}\" {}; members are named 1=HOST:PORT,2=HOST:PORT,3=HOST:PORT", word, why),
      {}};
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

// Two members cannot be heard at one address; empty: each has its own.
std::string problem_with_addresses(const std::vector<format::Member>& members) {
  std::map<std::string_view, std::uint64_t> taken;
  for (const format::Member& member : members) {
    for (const std::string_view address :
         {std::string_view(member.client_address), std::string_view(member.peer_address)}) {
      const auto [at, is_new] = taken.emplace(address, member.node_id);
      if (is_new) continue;
      if (at->second == member.node_id) {
        return fmt::format("node {} has {} for clients and for the other members", member.node_id,
                           address);
      }
      return fmt::format(
          "nodes {} and {} both have the address {}{}", at->second, member.node_id, address,
          address == member.client_address
              ? ""
              : ", where node " + std::to_string(member.node_id) + " is to hear the other members");
    }
  }
  return {};
}

}  // namespace

Result<format::Member> parse_member(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return tl::unexpected(wrong(word, "names no node"));
  const auto node = number_in<std::uint64_t>(word.substr(0, equals));
  if (!node || *node == 0) return tl::unexpected(wrong(word, "begins with no node number"));
  std::string_view address = word.substr(equals + 1);
  std::optional<unsigned> peer_port;
  if (const std::size_t slash = address.find('/'); slash != std::string_view::npos) {
    peer_port = number_in<unsigned>(address.substr(slash + 1));
    if (!peer_port) return tl::unexpected(wrong(word, "has no port behind the slash"));
    address = address.substr(0, slash);
  }
  const auto parsed = server::parse_listen_address(std::string(address));
  if (!parsed) return tl::unexpected(wrong(word, "has no HOST:PORT"));
  const unsigned port = number_in<unsigned>(parsed->port).value_or(0);
  if (port == 0) return tl::unexpected(wrong(word, "needs a port that others can know"));
  if (!peer_port) peer_port = port + kPeerPortOffset;
  if (*peer_port == 0 || *peer_port > kPortMax) {
    return tl::unexpected(wrong(
        word, fmt::format("leaves no port for the other members: {} is none; name one behind a "
                          "slash, as in 1=HOST:PORT/PEERPORT",
                          *peer_port)));
  }
  format::Member member;
  member.node_id = *node;
  member.client_address = address;
  member.peer_address = fmt::format("{}:{}", address.substr(0, address.rfind(':')), *peer_port);
  return member;
}

Result<format::Membership> parse_peer_list(std::string_view text) {
  format::Membership membership;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(','), text.size());
    auto member = parse_member(text.substr(0, size));
    if (!member) return tl::unexpected(std::move(member).error());
    membership.members.push_back(std::move(*member));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  auto& members = membership.members;
  if (members.empty()) return tl::unexpected(wrong("", "names nobody"));
  if (members.size() > format::kMembersMax) {
    return tl::unexpected(wrong(text, fmt::format("more than {} members", format::kMembersMax)));
  }
  std::ranges::sort(members, {}, &format::Member::node_id);
  const auto twice = std::ranges::adjacent_find(members, {}, &format::Member::node_id);
  if (twice != members.end()) {
    return tl::unexpected(wrong(std::to_string(twice->node_id),
                                "is the number of two members, and each needs its own"));
  }
  if (const auto problem = problem_with_addresses(members); !problem.empty()) {
    return tl::unexpected(Error{Errc::kInvalidArgument, problem + "; each needs its own", {}});
  }
  return membership;
}

base::Uuid cluster_id_of(const format::Membership& membership, std::string_view name) {
  std::string text(name);
  for (const format::Member& member : membership.members) {
    text += fmt::format(",{}={}/{}", member.node_id, member.client_address, member.peer_address);
  }
  return {base::hash64(text, 1), base::hash64(text, 2)};
}

}  // namespace kv::cluster
