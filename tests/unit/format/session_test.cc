#include "format/session.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

SessionState three_answers() {
  return {1'000'000,
          7,
          {{7, 41, SessionOutcome::kDone},
           {8, 0, SessionOutcome::kNotFound},
           {10, 40, SessionOutcome::kConflict}}};
}

}  // namespace

TEST_CASE("what a session remembers has its golden bytes") {
  CHECK(kv::test::golden_difference("session.hex", encode_session(three_answers())) == "");
  const auto state = decode_session(kv::test::load_golden("session.hex"));
  REQUIRE(state);
  CHECK(*state == three_answers());
}

TEST_CASE("a full session fits, and is read again") {
  SessionState state;
  state.done_below = UINT64_MAX - 100;
  for (std::uint64_t i = kv::kSessionRequestsMax; i > 0; --i) {
    state.add({UINT64_MAX - 100 + i, i, SessionOutcome::kDone});
  }
  const std::string value = encode_session(state);
  CHECK(value.size() == kSessionSizeMax);
  CHECK(value.size() <= 1600);
  CHECK(decode_session(value) == state);
}

TEST_CASE("answers are found by their number, until they are forgotten") {
  SessionState state = three_answers();
  REQUIRE(state.find(8) != nullptr);
  CHECK(state.find(8)->outcome == SessionOutcome::kNotFound);
  CHECK(state.find(9) == nullptr);
  CHECK(state.find(11) == nullptr);
  state.add({9, 50, SessionOutcome::kDone});
  state.forget_below(9);
  CHECK(state.find(8) == nullptr);
  CHECK(state.answers.front().number == 9);
  state.forget_below(3);
  CHECK(state.done_below == 9);
}

TEST_CASE("the keys of sessions are reserved, and in the order of their numbers") {
  CHECK(kv::is_reserved_key(session_key(1)));
  CHECK(session_key(0x0102) == std::string(32, '\xff') + 's' + std::string(6, '\0') + "\x01\x02");
  CHECK(session_key(255) < session_key(256));
  CHECK_FALSE(kv::is_reserved_key(std::string(31, '\xff')));
}

TEST_CASE("what is no session's value is refused, whatever it is") {
  const std::string good = encode_session(three_answers());
  SUBCASE("cut anywhere, or with more behind it") {
    for (std::size_t size = 0; size < good.size(); ++size) {
      CAPTURE(size);
      const auto state = decode_session(std::string_view(good).substr(0, size));
      REQUIRE_FALSE(state);
      CHECK(state.error().code == Errc::kCorruption);
    }
    CHECK_FALSE(decode_session(good + '\0'));
  }
  SUBCASE("a byte that stands for something else") {
    const auto refuses = [&](std::size_t at, char byte) {
      std::string bad = good;
      bad[at] = byte;
      const auto state = decode_session(bad);
      return !state && state.error().code == Errc::kCorruption;
    };
    CHECK(refuses(0, 2));           // version
    CHECK(refuses(1, 65));          // count
    CHECK(refuses(2, 1));           // zero
    CHECK(refuses(7, 1));           // zero
    CHECK(refuses(0x10, 8));        // done_below an answer
    CHECK(refuses(0x29, 7));        // twice the same number
    CHECK(refuses(0x3a, 8));        // not ascending
    CHECK(refuses(0x28, 3));        // outcome
    CHECK(refuses(0x28, 1));        // not found, with a version
    CHECK(refuses(0x20, 0));        // done, without one
    CHECK_FALSE(refuses(0x4a, 0));  // a done one instead of a conflict is sound
  }
}
