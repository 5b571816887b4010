#include "server/merge_desk.h"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "support/fake_backend.h"

using kv::MergeSummary;
using kv::Result;
using kv::server::MergeDesk;

namespace {

// A merge that goes on until it is let go or stopped.
struct Held {
  Held() {
    backend.on_merge = [this](std::uint64_t rate_max) -> Result<MergeSummary> {
      rate = rate_max;
      merges += 1;
      is_under_way = true;
      while (!may_end) std::this_thread::yield();
      is_under_way = false;
      MergeSummary summary;
      summary.was_stopped = was_stopped;
      return summary;
    };
    backend.on_stop_merge = [this] {
      if (!is_under_way) return;  // as the store does it
      was_stopped = true;
      may_end = true;
    };
  }
  kv::test::FakeBackend backend;
  std::atomic<bool> may_end{false};
  std::atomic<bool> is_under_way{false};
  std::atomic<bool> was_stopped{false};
  std::atomic<int> merges{0};
  std::atomic<std::uint64_t> rate{0};
  std::atomic<int> told{0};
  std::atomic<int> told_stopped{0};
  MergeDesk::Done done() {
    return [this](const Result<MergeSummary>& outcome) {
      if (!outcome || outcome->was_stopped) told_stopped += 1;
      told += 1;
    };
  }
};

}  // namespace

TEST_CASE("who asks while a merge is under way joins it") {
  Held held;
  MergeDesk desk(held.backend);
  const auto first = desk.start(77, held.done());
  CHECK_FALSE(first.has_joined);
  const auto second = desk.start(5, held.done());
  CHECK(second.has_joined);
  CHECK(second.number == first.number);
  held.may_end = true;
  while (held.told < 2) std::this_thread::yield();
  CHECK(held.merges == 1);
  CHECK(held.rate == 77);
  CHECK(desk.report().ended == 1);
  CHECK(desk.start(0, nullptr).number == 2);
  while (desk.report().ended < 2) std::this_thread::yield();
  CHECK(held.told == 2);
}

TEST_CASE("stopping ends the merge under way, tells who waits, and refuses others") {
  Held held;
  MergeDesk desk(held.backend);
  desk.start(0, held.done());
  desk.stop();
  while (held.told < 1) std::this_thread::yield();
  CHECK(held.told_stopped == 1);
  desk.start(0, held.done());
  CHECK(held.told_stopped == 2);
  CHECK(held.merges <= 1);
}
