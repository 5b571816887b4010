#include "cluster/read_lease.h"

#include <doctest/doctest.h>

using kv::cluster::ReadLease;
using kv::raft::Instant;

TEST_CASE("a lease holds while both clocks say so, and tells what the store has to have") {
  ReadLease lease;
  CHECK_FALSE(lease.look({1, 1}).has_value());
  lease.give({.boot_us = 100, .raw_us = 200}, 7);
  CHECK(lease.look({99, 199}) == kv::raft::Seq{7});
  CHECK_FALSE(lease.look({100, 1}).has_value());  // the machine was suspended
  CHECK_FALSE(lease.look({1, 200}).has_value());
  lease.give({.boot_us = 300, .raw_us = 400}, 8);
  CHECK(lease.look({100, 200}) == kv::raft::Seq{8});
  lease.end();
  CHECK_FALSE(lease.look({100, 200}).has_value());
}
