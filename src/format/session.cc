#include "format/session.h"

#include <algorithm>

#include "base/check.h"
#include "base/endian.h"

namespace kv::format {

namespace {

using base::append_le;
using base::load_le;

tl::unexpected<Error> corrupt(const char* what) {
  return tl::unexpected(Error{Errc::kCorruption, what, {}});
}

// Whether the numbers go up from done_below, and the versions fit the outcomes.
bool is_sound(const SessionState& state) {
  std::uint64_t least = state.done_below;
  for (const SessionAnswer& answer : state.answers) {
    if (answer.number < least || answer.number == UINT64_MAX) return false;
    least = answer.number + 1;
    if (answer.outcome > SessionOutcome::kConflict) return false;
    if (answer.outcome == SessionOutcome::kDone && answer.version == 0) return false;
    if (answer.outcome == SessionOutcome::kNotFound && answer.version != 0) return false;
  }
  return state.done_below > 0;
}

}  // namespace

const SessionAnswer* SessionState::find(std::uint64_t number) const {
  const auto found = std::ranges::lower_bound(answers, number, {}, &SessionAnswer::number);
  return found != answers.end() && found->number == number ? &*found : nullptr;
}

void SessionState::forget_below(std::uint64_t number) {
  done_below = std::max(done_below, number);
  std::erase_if(answers, [&](const SessionAnswer& one) { return one.number < done_below; });
}

void SessionState::add(const SessionAnswer& answer) {
  KV_CHECK(answers.size() < kSessionRequestsMax);
  const auto at = std::ranges::lower_bound(answers, answer.number, {}, &SessionAnswer::number);
  answers.insert(at, answer);
}

std::string session_key(std::uint64_t session) {
  std::string key(kReservedKeyPrefix);
  key += 's';
  constexpr int kByteBits = 8;
  for (int shift = 64 - kByteBits; shift >= 0; shift -= kByteBits) {
    key += static_cast<char>(session >> shift & 0xff);
  }
  return key;
}

std::string encode_session(const SessionState& state) {
  KV_CHECK(state.answers.size() <= kSessionRequestsMax && is_sound(state));
  std::string out;
  out.reserve(kSessionHeadSize + state.answers.size() * kSessionAnswerSize);
  append_le(out, kSessionVersion);
  append_le(out, static_cast<std::uint8_t>(state.answers.size()));
  append_le(out, std::uint16_t{0});
  append_le(out, std::uint32_t{0});
  append_le(out, state.used_ms);
  append_le(out, state.done_below);
  for (const SessionAnswer& answer : state.answers) {
    append_le(out, answer.number);
    append_le(out, answer.version);
    append_le(out, static_cast<std::uint8_t>(answer.outcome));
  }
  return out;
}

Result<SessionState> decode_session(std::string_view value) {
  if (value.size() < kSessionHeadSize) return corrupt("a session's value is cut short");
  const char* at = value.data();
  const auto version = load_le<std::uint8_t>(at);
  const std::size_t count = load_le<std::uint8_t>(at + 1);
  if (version != kSessionVersion) return corrupt("a session's value is of an unknown version");
  const bool is_zero = load_le<std::uint16_t>(at + 2) == 0 && load_le<std::uint32_t>(at + 4) == 0;
  const bool fits =
      count <= kSessionRequestsMax && value.size() == kSessionHeadSize + count * kSessionAnswerSize;
  if (!is_zero || !fits) return corrupt("a session's value is none");
  SessionState state;
  state.used_ms = load_le<std::uint64_t>(at + 8);
  state.done_below = load_le<std::uint64_t>(at + 16);
  state.answers.reserve(count);
  at += kSessionHeadSize;
  for (std::size_t i = 0; i < count; ++i, at += kSessionAnswerSize) {
    state.answers.push_back({load_le<std::uint64_t>(at), load_le<std::uint64_t>(at + 8),
                             static_cast<SessionOutcome>(load_le<std::uint8_t>(at + 16))});
  }
  if (!is_sound(state)) return corrupt("a session's value contradicts itself");
  return state;
}

}  // namespace kv::format
