#pragma once

namespace kv::base {

// Prints the condition and where it stands, then aborts. Never returns.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace kv::base

// Stops the process when the program itself is wrong, in release builds too. Never reachable from
// input: what a client, a file or the operating system can cause is an Error.
#define KV_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::kv::base::check_failed(#condition, __FILE__, __LINE__))
