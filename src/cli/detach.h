#pragma once

#include <functional>

namespace kv::cli {

// Runs `serve` in a process of its own, with no terminal, and returns when it is ready or has
// failed: `serve` is given what to call when it is ready. What it prints up to then is seen here;
// its exit code is returned when it ends before, kExitServerError instead of 0.
int run_detached(const std::function<int(const std::function<void()>& is_ready)>& serve);

}  // namespace kv::cli
