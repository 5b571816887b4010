#include "server/memory_budget.h"

#include <doctest/doctest.h>

using kv::server::MemoryBudget;
using kv::server::MemoryLease;

TEST_CASE("leases share a budget and give back what they no longer hold") {
  MemoryBudget budget(1'000'000);
  MemoryLease a(budget);
  {
    MemoryLease b(budget);
    CHECK(a.try_hold(600'000));
    CHECK_FALSE(b.try_hold(600'000));
    CHECK(b.try_hold(300'000));
    CHECK(budget.used() > 800'000);
    CHECK(budget.used() <= 900'000);
    CHECK_FALSE(a.try_hold(750'000));
    CHECK(a.try_hold(650'000));
    a.hold(900'000);
    CHECK(budget.is_exhausted());
    CHECK(a.try_hold(100'000));
    CHECK_FALSE(budget.is_exhausted());
  }
  CHECK(budget.used() <= 100'000);
  CHECK(a.try_hold(0));
  CHECK(budget.used() == 0);
}

TEST_CASE("little is held without touching the budget") {
  MemoryBudget budget(1'000'000);
  MemoryLease lease(budget);
  CHECK(lease.try_hold(1'000));
  CHECK(budget.used() == 0);
}

TEST_CASE("a lease alone with the budget may exceed it when that is allowed") {
  MemoryBudget budget(1'000);
  MemoryLease a(budget);
  MemoryLease b(budget);
  constexpr auto kAnySize = MemoryLease::Alone::kAnySize;
  CHECK_FALSE(a.try_hold(100'000));
  CHECK(a.try_hold(100'000, kAnySize));
  CHECK_FALSE(b.try_hold(100'000, kAnySize));
  CHECK_FALSE(a.try_hold(200'000));
  CHECK(a.try_hold(200'000, kAnySize));
  a.hold(0);
  CHECK(b.try_hold(100'000, kAnySize));
}

TEST_CASE("a lease takes over what another one holds, and the budget sees no difference") {
  MemoryBudget budget(1'000'000);
  MemoryLease a(budget);
  a.hold(MemoryLease::kStep);
  {
    MemoryLease b(budget);
    b.hold(2 * MemoryLease::kStep);
    a.take_over(b);
    CHECK(budget.used() == 3 * MemoryLease::kStep);
  }
  CHECK(budget.used() == 3 * MemoryLease::kStep);
  a.hold(0);
  CHECK(budget.used() == 0);
}
