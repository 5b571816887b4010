#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace kv::torture {

// Something the store did wrong, and how to see it again.
struct Finding {
  std::string problem;            // what was expected, and what was there
  std::string where;              // seed or script, operation, what survived
  std::uint64_t operation = 0;    // change of the disk, counted from the beginning of the life
  std::string replay;             // arguments of `kv torture` that lead there again
  std::deque<std::string> trail;  // the last steps before it
};
std::string describe(const Finding& finding);

}  // namespace kv::torture
