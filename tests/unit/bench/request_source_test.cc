#include "bench/request_source.h"

#include <set>

#include <doctest/doctest.h>

using namespace kv::bench;

TEST_CASE("a workload asks for keys that are there and inserts new ones") {
  const Workload workload{*Mix::parse("read=1,insert=1,scan=1"), Distribution::kUniform};
  const KeyChooser chooser(workload.distribution, 10);
  InsertedKeys inserted(10);
  MixSource source(workload, chooser, inserted, 1);
  std::uint32_t next_insert = 10;
  std::set<std::uint32_t> lengths;
  for (int i = 0; i < 20'000; ++i) {
    Request request;
    REQUIRE(source.next(request));
    if (request.operation == Operation::kInsert) {
      REQUIRE(request.key == next_insert++);
      source.inserted(request.key);
    } else {
      REQUIRE(request.key < next_insert);
      REQUIRE(request.keys == next_insert);
    }
    if (request.operation == Operation::kScan) lengths.insert(request.scan_length);
  }
  CHECK(lengths.size() == Workload::kScanMax);
  CHECK(*lengths.begin() == 1);
  CHECK(*lengths.rbegin() == Workload::kScanMax);
}

TEST_CASE("a seed makes the requests") {
  const auto workload = ycsb('a');
  const KeyChooser chooser(workload->distribution, 1000);
  InsertedKeys inserted(1000);
  MixSource first(*workload, chooser, inserted, 1), again(*workload, chooser, inserted, 1),
      other(*workload, chooser, inserted, 2);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    Request a, b, c;
    first.next(a);
    again.next(b);
    other.next(c);
    REQUIRE(a.key == b.key);
    REQUIRE(a.operation == b.operation);
    same += a.key == c.key ? 1 : 0;
  }
  CHECK(same < 50);
}

TEST_CASE("the load is shared so that each key is written once") {
  std::atomic<std::uint64_t> next = 0;
  LoadSource first(next, 5), second(next, 5);
  std::set<std::uint32_t> keys;
  for (LoadSource* source : {&first, &second, &first, &second, &second}) {
    Request request;
    REQUIRE(source->next(request));
    CHECK(request.operation == Operation::kInsert);
    keys.insert(request.key);
  }
  CHECK(keys == std::set<std::uint32_t>{0, 1, 2, 3, 4});
  Request request;
  CHECK(!first.next(request));
  CHECK(!second.next(request));
}

TEST_CASE("a sample has the first and the last key, and all of few") {
  for (const std::uint32_t end : {1u, 2u, 100u, 256u, 1'000'000u, 4'000'000'000u}) {
    CAPTURE(end);
    SampleSource source(end);
    std::set<std::uint32_t> keys;
    Request request;
    while (source.next(request)) keys.insert(request.key);
    CHECK(keys.size() == std::min(end, SampleSource::kSamples));
    CHECK(*keys.begin() == 0);
    CHECK(*keys.rbegin() == end - 1);
  }
}
