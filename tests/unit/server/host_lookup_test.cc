#include "server/host_lookup.h"

#include <atomic>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <doctest/doctest.h>

using kv::server::HostLookup;

namespace {

// Name servers that answer when they are told to, or never.
struct Names {
  std::counting_semaphore<> answers{0};
  std::counting_semaphore<> ended{0};  // answers that were given
  std::atomic<int> asked = 0;
};

HostLookup::Found at(const char* address) {
  return {{}, {asio::ip::tcp::endpoint(asio::ip::make_address(address), 7)}};
}

struct Fixture {
  HostLookup::Ask ask() const {
    return [names = names](const std::string&, const std::string&) {
      names->asked += 1;
      names->answers.acquire();
      names->ended.release();
      return at("192.0.2.7");
    };
  }
  HostLookup::Done note() {
    return [this](const HostLookup::Found& one) { found.push_back(one); };
  }
  // Until one more was told.
  void run_until_told() {
    const auto guard = asio::make_work_guard(io);
    io.restart();
    for (const std::size_t count = found.size(); found.size() == count;) io.run_one();
  }

  // Threads may wait in it to the end.
  std::shared_ptr<Names> names = std::make_shared<Names>();
  asio::io_context io;
  std::vector<HostLookup::Found> found;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an address is what it says, and nobody is asked") {
  for (const char* const address : {"127.0.0.1", "::1"}) {
    CAPTURE(address);
    HostLookup lookup(io, address, "7", ask());
    lookup.find(note());
    CHECK(found.empty());
    io.restart();
    io.run();
    REQUIRE(found.size() == 1);
    CHECK(found[0].endpoints == at(address).endpoints);
    found.clear();
  }
  CHECK(names->asked == 0);
}

TEST_CASE_FIXTURE(Fixture, "a name is asked for, on another thread") {
  HostLookup lookup(io, "somewhere", "7", ask());
  names->answers.release();
  lookup.find(note());
  run_until_told();
  CHECK(found[0].endpoints == at("192.0.2.7").endpoints);
  CHECK(names->asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "nobody waits for name servers that do not answer") {
  {
    HostLookup lookup(io, "somewhere", "7", ask());
    lookup.find(note());
    SUBCASE("when it is over") {}
    SUBCASE("when it is called off, and the io_context has nothing else to do") {
      lookup.cancel();
      io.run();
    }
  }
  io.run();
  CHECK(found.empty());
  names->answers.release();  // to nobody
  names->ended.acquire();
}

TEST_CASE_FIXTURE(Fixture, "a name that is being asked for is not asked for once more") {
  HostLookup lookup(io, "somewhere", "7", ask());
  lookup.find(note());
  lookup.cancel();
  lookup.find(note());
  names->answers.release();
  run_until_told();
  CHECK(found.size() == 1);
  CHECK(names->asked == 1);
}

TEST_CASE_FIXTURE(Fixture, "an answer that comes too late serves whoever asks next, once") {
  HostLookup lookup(io, "somewhere", "7", ask());
  lookup.find(note());
  lookup.cancel();
  names->answers.release();
  {
    const auto guard = asio::make_work_guard(io);
    io.run_one();
  }
  CHECK(found.empty());
  CHECK(names->asked == 1);
  lookup.find(note());
  run_until_told();
  CHECK(names->asked == 1);

  names->answers.release();
  lookup.find(note());
  run_until_told();
  CHECK(names->asked == 2);
}

TEST_CASE_FIXTURE(Fixture, "what cannot be found is told with the cause") {
  HostLookup lookup(io, "somewhere", "7", [](const std::string&, const std::string&) {
    return HostLookup::Found{asio::error::host_not_found, {}};
  });
  lookup.find(note());
  run_until_told();
  CHECK(found[0].error == asio::error::host_not_found);
}

TEST_CASE("the system knows its own name for this machine") {
  const auto found = HostLookup::ask_system("localhost", "7");
  REQUIRE(!found.error);
  REQUIRE(!found.endpoints.empty());
  CHECK(found.endpoints[0].address().is_loopback());
  CHECK(found.endpoints[0].port() == 7);
}
