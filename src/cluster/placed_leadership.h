#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>

#include "base/uuid.h"
#include "etcd/client.h"
#include "etcd/endpoint.h"
#include "etcd/gate.h"
#include "server/event_log.h"

namespace kv::cluster {

// Where a cluster's leadership is placed and published, and by which rules: see etcd::Gate.
struct EtcdSettings {
  std::vector<etcd::Endpoint> endpoints;
  std::chrono::seconds ttl{3};
  etcd::Gate::Policy policy = etcd::Gate::Policy::kFailsafe;
  std::chrono::milliseconds limit{30'000};
};

// A gate that asks a real etcd, and tells the log what comes of it. The thread of its io_context.
class PlacedLeadership {
 public:
  using Time = etcd::Gate::Time;

  PlacedLeadership(asio::io_context& io, const EtcdSettings& settings, const base::Uuid& cluster_id,
                   std::uint64_t node_id, const std::string& client_address, server::EventLog& log);

  // A few times per heartbeat.
  void work(const etcd::Gate::Node& node);
  void stop() { client_.stop(); }

  const etcd::Gate& gate() const { return gate_; }
  // A leader was told to hand over, and that was tried.
  void handed_over() { gate_.handed_over(std::chrono::steady_clock::now()); }

 private:
  void ask();
  void tell();

  server::EventLog& log_;
  const std::string key_;
  etcd::Gate gate_;
  etcd::Client client_;
  struct Told {
    std::optional<std::uint64_t> holder;
    std::optional<bool> is_reachable;
    bool is_free = false;
  };
  Told told_;
};

}  // namespace kv::cluster
