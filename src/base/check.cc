#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace kv::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "kv: bug: %s:%d: %s does not hold\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace kv::base
