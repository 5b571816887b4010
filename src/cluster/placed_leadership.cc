#include "cluster/placed_leadership.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace kv::cluster {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// So that a lease outlives a server that does not answer: the next one is asked in time.
milliseconds patience_of(const EtcdSettings& settings) {
  constexpr int kAttempts = 4;
  return milliseconds(settings.ttl) / kAttempts;
}

}  // namespace

PlacedLeadership::PlacedLeadership(asio::io_context& io, const EtcdSettings& settings,
                                   const base::Uuid& cluster_id, std::uint64_t node_id,
                                   const std::string& client_address, server::EventLog& log)
    : log_(log),
      key_(fmt::format("kv/{}/leader", base::to_hex(cluster_id))),
      gate_({.node_id = node_id,
             .address = client_address,
             .ttl = settings.ttl,
             .policy = settings.policy,
             .limit = settings.limit},
            steady_clock::now()),
      client_(io, settings.endpoints, etcd::Gateway(key_), patience_of(settings)) {}

void PlacedLeadership::work(const etcd::Gate::Node& node) {
  gate_.note(node, steady_clock::now());
  ask();
  tell();
}

void PlacedLeadership::ask() {
  const auto request = gate_.next(steady_clock::now());
  if (!request) return;
  client_.ask(*request, [this](const etcd::Reply& reply) {
    gate_.done(reply, steady_clock::now());
    ask();
  });
}

// What changed since it was told last.
void PlacedLeadership::tell() {
  const auto now = steady_clock::now();
  if (gate_.has_asked() && told_.is_reachable != gate_.is_reachable()) {
    told_.is_reachable = gate_.is_reachable();
    if (gate_.is_reachable()) {
      log_.tell(Event::Level::kInfo, "etcd answers", fmt::format("key={}", key_), now);
    } else {
      log_.tell(
          Event::Level::kWarning, "etcd does not answer",
          fmt::format("cause=\"{}\" action=\"tried again; votes go on without it\"", gate_.cause()),
          now);
    }
  }
  if (gate_.is_reachable() && told_.holder != gate_.holder()) {
    told_.holder = gate_.holder();
    log_.tell(Event::Level::kInfo, "leadership key",
              fmt::format("key={} holder={}", key_, gate_.holder()), now);
  }
  if (std::exchange(told_.is_free, gate_.is_free()) == gate_.is_free()) return;
  if (!gate_.is_free()) {
    return log_.tell(Event::Level::kInfo, "campaigns need the key", fmt::format("key={}", key_),
                     now);
  }
  log_.tell(Event::Level::kWarning, "campaigns need no key",
            fmt::format("key={} holder={} cause=\"no answer, or no leader, for too long\" "
                        "action=\"see whether etcd answers, and whom the key names\"",
                        key_, gate_.holder()),
            now);
}

}  // namespace kv::cluster
