#pragma once

#include <cstdint>
#include <string>

#include "kv/client.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// --min-ver and --max-stale of the commands that read: what need not be the newest.
struct ReadLevelFlags {
  Version min_version = 0;
  std::string stale_max;  // a duration

  void add_to(CLI::App& command);
  ReadOptions options() const;
};

}  // namespace kv::cli
