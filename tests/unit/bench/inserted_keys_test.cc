#include "bench/inserted_keys.h"

#include <thread>
#include <vector>

#include <doctest/doctest.h>

using kv::bench::InsertedKeys;

TEST_CASE("keys count once all before them are inserted") {
  InsertedKeys keys(10);
  CHECK(keys.count() == 10);
  CHECK(keys.next() == 10);
  CHECK(keys.next() == 11);
  CHECK(keys.next() == 12);
  keys.done(11);
  CHECK(keys.count() == 10);
  keys.done(10);
  CHECK(keys.count() == 12);
  keys.done(12);
  CHECK(keys.count() == 13);
}

TEST_CASE("a key whose insert failed is not there, and is handed out again before new ones") {
  InsertedKeys keys(10);
  CHECK(keys.next() == 10);
  CHECK(keys.next() == 11);
  keys.failed(10);
  keys.done(11);
  CHECK(keys.count() == 10);
  CHECK(keys.next() == 10);
  CHECK(keys.next() == 12);
  keys.failed(10);
  CHECK(keys.next() == 10);
  keys.done(10);
  CHECK(keys.count() == 12);
}

TEST_CASE("one slow insert holds the count back, however many come meanwhile") {
  InsertedKeys keys(0);
  const std::uint32_t slow = keys.next();
  for (int i = 0; i < 10'000; ++i) keys.done(keys.next());
  CHECK(keys.count() == 0);
  keys.done(slow);
  CHECK(keys.count() == 10'001);
}

TEST_CASE("threads get keys of their own") {
  InsertedKeys keys(5);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&keys] {
      for (int i = 0; i < 2'000; ++i) keys.done(keys.next());
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(keys.count() == 8'005);
}

TEST_CASE("numbers run out") {
  InsertedKeys keys(UINT32_MAX - 1);
  CHECK(keys.next() == UINT32_MAX - 1);
  CHECK(keys.next() == UINT32_MAX);
  CHECK(keys.next() == UINT32_MAX);
}
