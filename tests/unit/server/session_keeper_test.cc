#include "server/session_keeper.h"

#include <atomic>
#include <ctime>
#include <future>
#include <optional>

#include <doctest/doctest.h>

#include "base/clock.h"
#include "support/fake_backend.h"

using namespace std::chrono_literals;
using kv::server::SessionKeeper;

namespace {

std::uint64_t now_ms() {
  const auto now = kv::base::time_of(CLOCK_REALTIME);
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

class Member final : public kv::server::ClusterMember {
 public:
  void confirm_read(ReadDone) override {}
  bool is_whole() const override { return true; }
  void await_version(const kv::server::ReadLevel&, ReadDone) override {}
  void end_waits() override {}
  kv::server::ReplicationStatus status() const override {
    kv::server::ReplicationStatus status;
    asked += 1;
    status.is_serving = asked > 3;
    return status;
  }
  kv::Result<void> transfer(std::uint64_t) override { return {}; }
  kv::Result<void> add(const Newcomer&) override { return {}; }
  kv::Result<void> remove(std::uint64_t, bool) override { return {}; }
  kv::Result<void> campaign() override { return {}; }
  kv::Result<std::uint64_t> compare() override { return 0; }
  mutable std::atomic<int> asked = 0;
};

}  // namespace

TEST_CASE("sessions end that were not used for the time they have") {
  kv::test::FakeBackend backend;
  std::promise<std::uint64_t> before;
  bool is_first = true;
  backend.on_expire_sessions = [&](std::uint64_t before_ms) -> std::uint64_t {
    if (std::exchange(is_first, false)) before.set_value(before_ms);
    return 0;
  };
  const std::uint64_t begin = now_ms();
  SessionKeeper keeper(backend, nullptr, 200ms);
  const std::uint64_t told = before.get_future().get();
  keeper.stop();
  keeper.wait();
  CHECK(told >= begin - 200);
  CHECK(told <= now_ms() - 200);
}

TEST_CASE("who does not lead ends none") {
  kv::test::FakeBackend backend;
  Member member;
  std::promise<int> asked;
  bool is_first = true;
  backend.on_expire_sessions = [&](std::uint64_t) -> std::uint64_t {
    if (std::exchange(is_first, false)) asked.set_value(member.asked);
    return 0;
  };
  SessionKeeper keeper(backend, &member, 200ms);
  CHECK(asked.get_future().get() == 4);
}

TEST_CASE("it stops at once, long before it would look") {
  kv::test::FakeBackend backend;
  SessionKeeper keeper(backend, nullptr, std::chrono::hours(1));
  keeper.stop();
  keeper.wait();
}
