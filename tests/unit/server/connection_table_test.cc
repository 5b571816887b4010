#include "server/connection_table.h"

#include <doctest/doctest.h>

TEST_CASE("a number is never given twice") {
  kv::server::ConnectionTable<int> table;
  const auto first = table.next_id();
  table.add(std::make_shared<int>(1));
  const auto second = table.next_id();
  table.add(std::make_shared<int>(2));
  CHECK(*table.find(first) == 1);
  CHECK(*table.find(second) == 2);
  table.remove(first);
  table.remove(first);
  CHECK(table.size() == 1);
  CHECK(table.find(first) == nullptr);
  const auto third = table.next_id();
  table.add(std::make_shared<int>(3));
  CHECK(third != first);
  CHECK(static_cast<std::uint32_t>(third) == static_cast<std::uint32_t>(first));
  CHECK(table.find(first) == nullptr);
  CHECK(*table.find(third) == 3);
  CHECK(table.find(1'000'000) == nullptr);
}

TEST_CASE("a visit may remove what it visits") {
  kv::server::ConnectionTable<int> table;
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(table.next_id());
    table.add(std::make_shared<int>(i));
  }
  int visited = 0;
  table.for_each([&](int& value) {
    visited += 1;
    table.remove(ids[static_cast<std::size_t>(value)]);
  });
  CHECK(visited == 10);
  CHECK(table.size() == 0);
}
