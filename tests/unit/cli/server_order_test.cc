#include "cli/server_order.h"

#include <future>

#include <doctest/doctest.h>

using namespace kv;
using cli::Patience;
using cli::server_order;
using namespace std::chrono_literals;

namespace {

using Order = std::vector<std::string>;

// "there..." answers, "gone..." refuses, "hangs..." is silent until the end of the test.
struct Servers {
  ~Servers() { end->set_value(); }
  Order order_of(const Order& addresses, const Patience& patience = {}) const {
    const auto ask = [ended = ended](const std::string& address) -> Result<bool> {
      if (address.starts_with("hangs")) ended.wait();
      if (address.starts_with("there")) return true;
      return tl::unexpected(Error{Errc::kUnavailable, "refused", {}});
    };
    return server_order(addresses, ask, patience);
  }
  std::shared_ptr<std::promise<void>> end = std::make_shared<std::promise<void>>();
  std::shared_future<void> ended = end->get_future().share();
};

}  // namespace

TEST_CASE_FIXTURE(Servers, "those that are there come first, in their order") {
  CHECK(order_of({"gone1", "there1", "gone2", "there2"}).front() == "there1");
  CHECK(order_of({"gone1", "gone2"}).size() == 2);
  CHECK(order_of({"hangs", "gone", "there"}) == Order{"there", "gone", "hangs"});
}

TEST_CASE_FIXTURE(Servers, "the last one that may be there is not waited for: nobody else is") {
  CHECK(order_of({"gone1", "hangs", "gone2"}) == Order{"hangs", "gone1", "gone2"});
  CHECK(order_of({"gone", "hangs"}, Patience::endless()) == Order{"hangs", "gone"});
}

TEST_CASE_FIXTURE(Servers, "who comes behind the first one that is there is not waited for") {
  CHECK(order_of({"there", "hangs"}, Patience::endless()) == Order{"there", "hangs"});
}

TEST_CASE("with endless patience the first one named is waited for, though others have answered") {
  auto other = std::make_shared<std::promise<void>>();
  const auto ask = [=, answered = other->get_future().share()](const std::string& address) {
    if (address == "other") other->set_value();
    if (address == "slow") answered.wait();
    return Result<bool>(true);
  };
  CHECK(server_order({"slow", "other"}, ask, Patience::endless()) == Order{"slow", "other"});
  Patience patience = Patience::endless();
  patience.has_answered(1ms);
  CHECK(!patience.limit());
}
