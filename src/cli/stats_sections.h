#pragma once

#include <array>

namespace kv::cli {

// What `kv stats SECTION` and STATS can be asked for, in the order the server tells them. A newer
// server may have more. tests/integration/reference_test.py holds them against the server.
inline constexpr std::array kStatsSections = {
    "server", "requests", "backpressure", "store",    "memory",      "cache",   "merge",   "space",
    "disk",   "scrub",    "recovery",     "sessions", "replication", "latency", "segments"};

}  // namespace kv::cli
