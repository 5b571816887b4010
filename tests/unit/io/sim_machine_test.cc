#include "io/sim_machine.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

namespace kv::io {

namespace {

SimCall call_of(SimOperation operation, std::string path, std::uint64_t offset = 0,
                std::uint64_t size = 1) {
  return {operation, "do " + path, path, offset, size};
}

bool fails(SimMachine& machine, const SimCall& call) {
  return machine.start(call, machine.boot()).has_value();
}

}  // namespace

TEST_CASE("a planned fault lets some operations pass, fails some, and is over") {
  SimMachine machine;
  machine.plan({.operation = SimOperation::kSync, .after = 2, .count = 2});
  std::string outcome;
  for (int i = 0; i < 6; ++i) {
    CHECK(!fails(machine, call_of(SimOperation::kWrite, "/a")));
    outcome += fails(machine, call_of(SimOperation::kSync, "/a")) ? 'x' : '.';
  }
  CHECK(outcome == "..xx..");
}

TEST_CASE("of two faults each fails an operation of its own") {
  SimMachine machine;
  machine.plan({.operation = SimOperation::kSync});
  machine.plan({.operation = SimOperation::kSync});
  std::string outcome;
  for (int i = 0; i < 3; ++i) {
    outcome += fails(machine, call_of(SimOperation::kSync, "/a")) ? 'x' : '.';
  }
  CHECK(outcome == "xx.");
}

TEST_CASE("a fault meets the files, the operations and the bytes it names") {
  SimMachine machine;
  machine.plan({.operation = SimOperation::kRead,
                .count = UINT64_MAX,
                .path_part = ".seg",
                .offset = 100,
                .size = 10});
  CHECK(fails(machine, call_of(SimOperation::kRead, "/1.seg", 100, 1)));
  CHECK(fails(machine, call_of(SimOperation::kRead, "/1.seg", 0, 101)));
  CHECK(fails(machine, call_of(SimOperation::kRead, "/1.seg", 109, 50)));
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/1.seg", 0, 100)));
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/1.seg", 110, 5)));
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/1.hint", 100, 1)));
  CHECK(!fails(machine, call_of(SimOperation::kWrite, "/1.seg", 100, 1)));
  machine.clear_faults();
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/1.seg", 100, 1)));
}

TEST_CASE("a fault of any change leaves reads alone") {
  SimMachine machine;
  machine.plan({.count = UINT64_MAX});
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/a")));
  CHECK(!fails(machine, call_of(SimOperation::kLook, "/a")));
  for (const SimOperation operation :
       {SimOperation::kCreate, SimOperation::kWrite, SimOperation::kSync, SimOperation::kTruncate,
        SimOperation::kRename, SimOperation::kRemove, SimOperation::kCreateDir,
        SimOperation::kSyncDir, SimOperation::kLock}) {
    CHECK(fails(machine, call_of(operation, "/a")));
  }
}

TEST_CASE("an error names operation, file and offset, and a full disk is told as such") {
  SimMachine machine;
  machine.plan({.operation = SimOperation::kWrite, .error = std::errc::no_space_on_device});
  const auto full = machine.start(call_of(SimOperation::kWrite, "/a", 7), 0);
  REQUIRE(full.has_value());
  CHECK(full->error.code == Errc::kNoSpace);
  CHECK(full->error.context == "do /a at 7");
  machine.plan({.operation = SimOperation::kSync});
  const auto broken = machine.start(call_of(SimOperation::kSync, "/a"), 0);
  REQUIRE(broken.has_value());
  CHECK(broken->error.code == Errc::kIo);
  CHECK(broken->error.cause == std::errc::io_error);
  CHECK(broken->error.context == "do /a");
}

TEST_CASE("the power goes at the change it should, and everything fails until the restart") {
  SimMachine machine;
  machine.lose_power_after(2);
  CHECK(!fails(machine, call_of(SimOperation::kWrite, "/a")));
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/a")));
  CHECK(!fails(machine, call_of(SimOperation::kSync, "/a")));
  CHECK(machine.is_on());
  const auto last = machine.start(call_of(SimOperation::kWrite, "/b", 9), 0);
  REQUIRE(last.has_value());
  CHECK((last->reason == SimRefusal::Reason::kPowerLost));
  CHECK(!machine.is_on());
  CHECK(machine.last_words() == "do /b at 9");
  CHECK(fails(machine, call_of(SimOperation::kRead, "/a")));
  machine.restart();
  CHECK(!fails(machine, call_of(SimOperation::kRead, "/a")));
  CHECK(machine.changes() == 2);
  CHECK(machine.operations() == 4);
}

TEST_CASE("a power cut that is taken back does not come") {
  SimMachine machine;
  machine.lose_power_after(0);
  machine.keep_power();
  CHECK(!fails(machine, call_of(SimOperation::kWrite, "/a")));
}

TEST_CASE("a handle of an earlier boot stays dead") {
  SimMachine machine;
  machine.lose_power();
  machine.restart();
  CHECK(machine.start(call_of(SimOperation::kRead, "/a"), 0).has_value());
  CHECK(!machine.start(call_of(SimOperation::kRead, "/a"), 1).has_value());
}

TEST_CASE("a hook sees every operation, and can cut the power even at a read") {
  SimMachine machine;
  std::string seen;
  machine.set_hook([&](const SimCall& call) {
    seen += call.path;
    return call.path == "/c";
  });
  CHECK(!fails(machine, call_of(SimOperation::kLook, "/a")));
  CHECK(!fails(machine, call_of(SimOperation::kWrite, "/b")));
  CHECK(fails(machine, call_of(SimOperation::kRead, "/c")));
  CHECK(!machine.is_on());
  CHECK(seen == "/a/b/c");
}

}  // namespace kv::io
