#pragma once

#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::server {

inline constexpr std::string_view kRetryMemory = "retry_ms=25 reason=memory";
inline constexpr std::string_view kRetryBehind = "retry_ms=100 reason=behind";
// About as long as an election or a change of the members takes.
inline constexpr std::string_view kRetryCluster = "retry_ms=200 reason=cluster";
// They end when they were not used for long.
inline constexpr std::string_view kRetrySessions = "retry_ms=1000 reason=sessions";
inline constexpr std::string_view kRetryQueue = "retry_ms=25 reason=queue";
// Space comes back segment by segment: sooner is of no use.
inline constexpr std::string_view kRetryMergeDebt = "retry_ms=100 reason=merge_debt";
inline constexpr std::string_view kRetryConnections = "retry_ms=25 reason=connections";

// Whether writes are refused because merges are behind.
bool is_merge_debt(const Error& error);

// Appends the ERR that a failure of the store becomes.
void append_store_error(std::string& out, std::string_view tag, const Error& error);

// The same in the middle of a RANGE: ABORTED in place of its END.
void append_aborted(std::string& out, std::string_view tag, const Error& error);

}  // namespace kv::server
