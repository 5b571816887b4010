#pragma once

#include <cerrno>

namespace kv::io {

// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR) outcome = call();
  return outcome;
}

}  // namespace kv::io
