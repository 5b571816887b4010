#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "etcd/gate.h"

namespace kv::etcd {

// What one key and the leases of an etcd do, without an etcd.
class FakeEtcd {
 public:
  using Time = Gate::Time;

  Reply answer(const Request& request, Time now);
  // A person's.
  void put(std::uint64_t node_id, LeaseId lease = 0);
  void remove() { key_.reset(); }
  void forget_leases() { leases_.clear(); }

  const std::optional<Key>& key(Time now);
  std::size_t leases(Time now);

 private:
  void expire(Time now);

  std::optional<Key> key_;
  Revision revision_ = 1;
  LeaseId granted_ = 100;
  struct Lease {
    std::chrono::seconds ttl;
    Time end;
  };
  std::map<LeaseId, Lease> leases_;
};

}  // namespace kv::etcd
