// Any bytes as what a session remembers: what decodes must encode to the same bytes again, and go
// on being sound with another request.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "format/session.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kv::format;
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  auto state = decode_session(value);
  if (!state) return 0;
  KV_CHECK(encode_session(*state) == value);
  for (const SessionAnswer& answer : state->answers)
    KV_CHECK(state->find(answer.number) != nullptr);
  if (!state->answers.empty()) state->forget_below(state->answers.front().number + 1);
  if (state->find(state->done_below) == nullptr && state->done_below != UINT64_MAX &&
      state->answers.size() < kv::kSessionRequestsMax) {
    state->add({state->done_below, 1, SessionOutcome::kDone});
  }
  KV_CHECK(decode_session(encode_session(*state)) == *state);
  return 0;
}
