#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace kv::bench {

// A wrong answer or a failing system ends the program at once: no figure is printed that rests on
// it.
[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::_Exit(1);
}

}  // namespace kv::bench
