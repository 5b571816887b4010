#include "format/hard_state.h"

#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

constexpr HardState kState{
    .generation = 7,
    .database_id_hash = 0x01121d5b6c0ac055,
    .term = 5,
    .voted_for = 3,
    .claimed_term = 4,
    .claimed_seq = 42,
    .commit_hint = 40,
    .commit_hint_term = 4,
    .is_quarantined = true,
};

std::string signed_with(std::size_t at, char byte) {
  std::string bytes = encode_hard_state(kState);
  bytes[at] = byte;
  kv::base::store_le(bytes.data() + 508, kv::base::crc32c({bytes.data(), 508}));
  return bytes;
}

Errc code_of(const std::string& bytes) {
  const auto state = decode_hard_state(bytes);
  REQUIRE_FALSE(state);
  return state.error().code;
}

}  // namespace

TEST_CASE("a hard state has its golden bytes") {
  CHECK(kv::test::golden_difference("hard-state.hex", encode_hard_state(kState)) == "");
  CHECK(decode_hard_state(kv::test::load_golden("hard-state.hex")) == kState);
}

TEST_CASE("in a hard state of version 1 the term stands for that of the commit hint") {
  const std::string bytes = kv::test::load_golden("hard-state-1.hex");
  HardState state = kState;
  state.commit_hint_term = state.term;
  CHECK(decode_hard_state(bytes) == state);
  kv::test::each_flip(bytes, [](const std::string& damaged, auto) {
    CHECK(code_of(damaged) == Errc::kCorruption);
  });
}

TEST_CASE("a hard state comes back as it was encoded") {
  for (const HardState& state : {HardState(), kState}) {
    const std::string bytes = encode_hard_state(state);
    CHECK(bytes.size() == kHardStateSize);
    CHECK(decode_hard_state(bytes) == state);
  }
}

TEST_CASE("every flipped bit and every cut of a hard state is corruption") {
  const std::string bytes = encode_hard_state(kState);
  kv::test::each_flip(bytes, [](const std::string& damaged, auto) {
    CHECK(code_of(damaged) == Errc::kCorruption);
  });
  kv::test::each_cut(bytes,
                     [](const std::string& cut) { CHECK(code_of(cut) == Errc::kCorruption); });
  CHECK(code_of(std::string(kHardStateSize, '\0')) == Errc::kCorruption);
}

TEST_CASE("a hard state of a later version says so; fields nobody writes are corruption") {
  CHECK(code_of(signed_with(4, 3)) == Errc::kNewerFormat);
  CHECK(code_of(signed_with(4, 0)) == Errc::kCorruption);
  CHECK(code_of(signed_with(4, 1)) == Errc::kCorruption);
  CHECK(code_of(signed_with(6, 2)) == Errc::kCorruption);
  for (const std::size_t zero : {7u, 72u, 300u, 507u}) {
    CAPTURE(zero);
    CHECK(code_of(signed_with(zero, 1)) == Errc::kCorruption);
  }
}

TEST_CASE("generations take turns between the pairs of copies") {
  CHECK(hard_state_copy(0) == 0);
  CHECK(hard_state_copy(1) == 2);
  CHECK(hard_state_copy(2) == 0);
}
