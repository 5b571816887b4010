#include "cli/ask_at_once.h"

#include <future>

#include <doctest/doctest.h>

using namespace kv;
using cli::ask_at_once;
using cli::Patience;
using namespace std::chrono_literals;

namespace {

using Answers = std::vector<std::optional<Result<int>>>;

const auto kAll = [](const Answers&) { return false; };

Result<int> refused() { return tl::unexpected(Error{Errc::kUnavailable, "refused", {}}); }

}  // namespace

TEST_CASE("all are asked at the same time, and their answers stand in their order") {
  // Each of them answers only once all were asked.
  auto everybody = std::make_shared<std::promise<void>>();
  auto count = std::make_shared<std::atomic<int>>(0);
  const auto asked = everybody->get_future().share();
  const auto ask = [=](const std::string& address) -> Result<int> {
    if (++*count == 3) everybody->set_value();
    asked.wait();
    return address == "b" ? refused() : Result<int>(address == "a" ? 1 : 3);
  };
  Patience patience;
  const auto answers = ask_at_once<int>({"a", "b", "c"}, ask, patience, kAll);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0] == 1);
  CHECK(answers[1].error().context == "refused");
  CHECK(answers[2] == 3);
}

TEST_CASE("one that hangs is left when others have answered, also in an earlier round") {
  auto release = std::make_shared<std::promise<void>>();
  const auto released = release->get_future().share();
  const auto ask = [=](const std::string& address) -> Result<int> {
    if (address == "gone") return refused();
    if (address == "hangs") released.wait();
    return 1;
  };
  Patience patience;
  const auto answers = ask_at_once<int>({"hangs", "there"}, ask, patience, kAll);
  CHECK(answers[0].error().code == Errc::kTimeout);
  CHECK(answers[0].error().context == "no answer from hangs, while others answered");
  CHECK(answers[1] == 1);
  CHECK(!ask_at_once<int>({"gone", "hangs"}, ask, patience, kAll)[1]);
  release->set_value();
  // Where nobody has answered, everybody is waited for.
  Patience fresh;
  CHECK(ask_at_once<int>({"gone", "hangs"}, ask, fresh, kAll)[1] == 1);
}

TEST_CASE("nobody is waited for once there are enough") {
  auto release = std::make_shared<std::promise<void>>();
  const auto released = release->get_future().share();
  const auto ask = [=](const std::string& address) -> Result<int> {
    if (address == "hangs") released.wait();
    return 1;
  };
  Patience patience;
  patience.has_answered(1h);  // so that it is not the time that ends it
  const auto answers =
      ask_at_once<int>({"there", "hangs"}, ask, patience,
                       [](const Answers& so_far) { return so_far[0].has_value(); });
  CHECK(answers[0] == 1);
  CHECK(!answers[1]);
  release->set_value();
}

TEST_CASE("who has not answered gets a second, and more where everybody is slow") {
  Patience patience;
  CHECK(!patience.limit());
  patience.has_answered(3ms);
  CHECK(patience.limit() == std::chrono::steady_clock::duration(1s));
  patience.has_answered(400ms);
  patience.has_answered(5ms);
  CHECK(patience.limit() == std::chrono::steady_clock::duration(4s));
}
