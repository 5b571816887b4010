#include "raft/log_view.h"

#include <memory>
#include <ostream>

#include <doctest/doctest.h>

#include "sim/memory_log.h"

using kv::raft::Config;
using kv::raft::Entry;
using kv::raft::LogView;
using kv::raft::Ready;
using kv::raft::Seq;
using kv::raft::Term;

namespace {

struct View {
  kv::sim::MemoryLog log{std::make_shared<const Config>()};
  LogView view{log};

  void append(Term term, std::uint64_t size = 10) {
    Entry entry{.term = term, .seq = view.last().seq + 1, .size = size};
    entry.chain = view.extend_chain(entry);
    view.append(entry);
  }
  // To the disk, and done.
  void flush() {
    Ready ready;
    view.hand_over(ready);
    if (ready.append.empty()) return;
    log.write(ready);
    log.sync_oldest();
  }
};

}  // namespace

TEST_CASE_FIXTURE(View, "records are found the same whether the disk has them or not") {
  for (const Term term : {1u, 1u, 2u, 2u, 2u, 4u}) append(term);
  std::vector<kv::raft::Point> points;
  for (Seq seq = 0; seq <= 6; ++seq) points.push_back(view.point_at(seq));
  flush();
  for (const Seq released : {2u, 4u, 6u}) {
    view.release(released);
    CHECK(view.tail().size() == 6 - released);
    for (Seq seq = 0; seq <= 6; ++seq) CHECK(view.point_at(seq) == points[seq]);
    CHECK(view.term_start(1) == 1);
    CHECK(view.term_start(2) == 1);
    CHECK(view.term_start(5) == 3);
    CHECK(view.term_start(6) == 6);
  }
}

TEST_CASE_FIXTURE(View, "an extent ends with the limits or the log, and has one record at least") {
  for (int i = 0; i < 6; ++i) append(1, 100);
  flush();
  for (const Seq released : {0u, 3u, 6u}) {
    view.release(released);
    CHECK(view.extent(1, 99, 10'000).last == 6);
    CHECK(view.extent(1, 4, 10'000).last == 4);
    CHECK(view.extent(2, 99, 350).last == 4);
    CHECK(view.extent(2, 99, 350).bytes == 300);
    CHECK(view.extent(5, 99, 1).last == 5);
  }
}

TEST_CASE_FIXTURE(View, "what the disk was never told of is not taken back from it") {
  append(1);
  append(1);
  flush();
  append(1);
  view.truncate_from(3);
  append(2);
  Ready ready;
  view.hand_over(ready);
  CHECK_FALSE(ready.truncate_from.has_value());
  CHECK(ready.append.size() == 1);
  CHECK(view.epoch() == 0);
  CHECK(ready.rolled_back_from == 3);
  Ready next;
  view.hand_over(next);
  CHECK_FALSE(next.rolled_back_from.has_value());
}

TEST_CASE_FIXTURE(View, "the disk is told once of what is overridden, from the lowest place on") {
  for (int i = 0; i < 5; ++i) append(1);
  flush();
  view.truncate_from(4);
  append(2);
  view.truncate_from(3);
  append(3);
  Ready ready;
  view.hand_over(ready);
  CHECK(ready.truncate_from == 3);
  REQUIRE(ready.append.size() == 1);
  CHECK(ready.append[0].term == 3);
  REQUIRE(ready.log_write.has_value());
  CHECK(ready.log_write->last == view.last());
  CHECK(ready.log_write->epoch == view.epoch());
  CHECK(view.epoch() == 2);
}

TEST_CASE_FIXTURE(View, "a state that replaces everything begins a log of its own") {
  for (int i = 0; i < 5; ++i) append(1);
  const kv::raft::Point point{.term = 3, .seq = 40, .chain = 99};
  view.replace(point);
  CHECK(view.last() == point);
  CHECK(view.floor() == point);
  append(3);
  CHECK(view.last().seq == 41);
  CHECK(view.has(point));
  Ready ready;
  view.hand_over(ready);
  CHECK(ready.rolled_back_from == 41);
}
