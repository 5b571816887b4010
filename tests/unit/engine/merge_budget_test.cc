#include "engine/merge_budget.h"

#include <doctest/doctest.h>

using kv::engine::MergeBudget;
using std::chrono::microseconds;

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

MergeBudget::Settings settings() {
  MergeBudget::Settings settings;
  settings.space_target = 1.5;
  settings.rate_max = 200 * kMiB;
  settings.dead_bytes_min = 16 * kMiB;
  return settings;
}

MergeBudget at_debt(double debt) {
  MergeBudget budget(settings());
  const std::uint64_t live = 1000 * kMiB;
  const auto dead = static_cast<std::uint64_t>(debt * 0.5 * static_cast<double>(live));
  budget.note_use({live + dead, live});
  return budget;
}

}  // namespace

TEST_CASE("merges begin before the target is reached and get faster up to it") {
  CHECK_FALSE(at_debt(0.5).wants_merge());
  CHECK(at_debt(0.85).wants_merge());
  CHECK(at_debt(0.85).rate() == doctest::Approx(50.0 * kMiB).epsilon(0.02));
  CHECK(at_debt(1.0).rate() == 200 * kMiB);
  CHECK(at_debt(2.5).rate() == 200 * kMiB);
}

TEST_CASE("a few dead bytes are left alone whatever their share") {
  MergeBudget budget(settings());
  budget.note_use({12 * kMiB, 1 * kMiB});
  CHECK_FALSE(budget.wants_merge());
  budget.note_use({20 * kMiB, 1 * kMiB});
  CHECK(budget.wants_merge());
  CHECK(budget.write_delay() == microseconds(0));
}

TEST_CASE("writers are slowed, then refused, when merges cannot keep up") {
  CHECK(at_debt(1.5).write_delay() == microseconds(0));
  const auto some = at_debt(2.0).write_delay();
  CHECK(some > microseconds(0));
  CHECK(at_debt(2.5).write_delay() > some);
  CHECK_FALSE(at_debt(2.5).refuses_writes());
  CHECK(at_debt(3.1).refuses_writes());
}

TEST_CASE("deleting most of the data slows nobody down for long") {
  MergeBudget budget(settings());
  budget.note_use({1000 * kMiB, 1000 * kMiB});
  budget.note_use({1000 * kMiB, 100 * kMiB});
  CHECK(budget.debt() > 10);
  CHECK_FALSE(budget.refuses_writes());
  // Minutes later the merges should have been through.
  for (int i = 0; i < 3000; ++i) budget.note_use({1000 * kMiB, 100 * kMiB});
  CHECK(budget.refuses_writes());
}

TEST_CASE("merges give way while requests wait, unless the disk would fill") {
  MergeBudget budget = at_debt(0.9);
  const std::uint64_t calm = budget.rate();
  for (int i = 0; i < 10; ++i) budget.note_latency(microseconds(100), false);
  for (int i = 0; i < 10; ++i) budget.note_latency(microseconds(5000), true);
  CHECK(budget.rate() == doctest::Approx(0.1 * static_cast<double>(calm)).epsilon(0.01));
  for (int i = 0; i < 100; ++i) budget.note_latency(microseconds(150), true);
  CHECK(budget.rate() == calm);
  for (int i = 0; i < 10; ++i) budget.note_latency(microseconds(5000), true);
  budget.note_use({1600 * kMiB, 1000 * kMiB});
  CHECK(budget.rate() == 200 * kMiB);
}

TEST_CASE("the pace keeps its rate and saves nothing up") {
  MergeBudget budget(settings());
  const auto start = MergeBudget::Clock::now();
  CHECK(budget.wait_after(kMiB, 0, start).count() == 0);
  budget.wait_after(kMiB, kMiB, start);
  const auto wait = budget.wait_after(kMiB, kMiB, start);
  CHECK(wait > std::chrono::milliseconds(1900));
  // An hour later nothing of the hour counts.
  CHECK(budget.wait_after(kMiB, kMiB, start + std::chrono::hours(1)) >
        std::chrono::milliseconds(900));
}

TEST_CASE("a merge owes nothing for the one before it") {
  MergeBudget budget(settings());
  const auto start = MergeBudget::Clock::now();
  budget.begin_work(start);
  CHECK(budget.wait_after(kMiB, 1024, start) > std::chrono::minutes(15));
  budget.begin_work(start);
  CHECK(budget.wait_after(kMiB, 1024 * kMiB, start) < std::chrono::milliseconds(1));
}

TEST_CASE("a wait under way follows a rate that changes") {
  MergeBudget budget(settings());
  auto now = MergeBudget::Clock::now();
  budget.begin_work(now);
  CHECK(budget.wait_after(64 * kMiB, kMiB, now) == std::chrono::seconds(64));
  now += std::chrono::seconds(1);
  CHECK(budget.wait_after(0, kMiB, now) == std::chrono::seconds(63));
  now += std::chrono::seconds(1);  // at 13 MiB a second
  CHECK(budget.wait_after(0, 13 * kMiB, now) <= std::chrono::seconds(4));
  CHECK(budget.wait_after(0, 13 * kMiB, now) > std::chrono::milliseconds(3800));
  CHECK(budget.wait_after(0, 0, now).count() == 0);
}
