#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/options.h"
#include "kv/result.h"

namespace kv::format {

// What a session remembers of its requests, as the value of a key of its own: kReservedKeyPrefix,
// 's', and its number, big-endian. So it lies in the log as any put does. Little-endian; the
// record's checksum covers it. docs/file-format.md is the authority.
//
//   0       1     2    4    8       16         24
//   +-------+-----+----+----+-------+----------+---------+
//   |version|count|zero|zero|used_ms|done_below| answers |
//   |u8     |u8   |u16 |u32 |u64    |u64       |         |
//   +-------+-----+----+----+-------+----------+---------+
//
//   answer, ascending by number
//   0      8       16      17
//   +------+-------+-------+
//   |number|version|outcome|
//   |u64   |u64    |u8     |
//   +------+-------+-------+
inline constexpr std::uint8_t kSessionVersion = 1;
inline constexpr std::size_t kSessionHeadSize = 24;
inline constexpr std::size_t kSessionAnswerSize = 17;
inline constexpr std::size_t kSessionSizeMax =
    kSessionHeadSize + kSessionRequestsMax * kSessionAnswerSize;

enum class SessionOutcome : std::uint8_t {
  kDone = 0,      // written, as `version`
  kNotFound = 1,  // a DELETE of a key that was not there
  kConflict = 2,  // the condition did not hold; `version` is what it met, 0: no such key
};

// How a request was answered.
struct SessionAnswer {
  std::uint64_t number = 0;
  std::uint64_t version = 0;
  SessionOutcome outcome = SessionOutcome::kDone;
  bool operator==(const SessionAnswer&) const = default;
};

struct SessionState {
  std::uint64_t used_ms = 0;     // when it was last written to; only rises
  std::uint64_t done_below = 1;  // whose answers its client has, and which were forgotten
  std::vector<SessionAnswer> answers;
  bool operator==(const SessionState&) const = default;

  // nullptr: there was no such request, as far as is remembered.
  const SessionAnswer* find(std::uint64_t number) const;
  // Forgets what lies below.
  void forget_below(std::uint64_t number);
  // There was no such request, and there are fewer than kSessionRequestsMax.
  void add(const SessionAnswer& answer);
};

std::string session_key(std::uint64_t session);
std::string encode_session(const SessionState& state);
// kCorruption: it is no such value.
[[nodiscard]] Result<SessionState> decode_session(std::string_view value);

}  // namespace kv::format
