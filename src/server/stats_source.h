#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kv::server {

// What STATS answers with. Any thread.
class StatsSource {
 public:
  virtual ~StatsSource() = default;
  // One section, or all of them when `section` is empty; nullopt: there is no such section.
  virtual std::optional<std::string> stats(std::string_view section, bool is_json) const = 0;
};

}  // namespace kv::server
