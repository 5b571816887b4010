#include "tests/linearizability/deletes.h"

#include <algorithm>

namespace kv::linearizability {

Deletes::Deletes(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (part.kind != Operation::Kind::kDelete) continue;
    if (part.is_unknown()) by_call_.emplace_back(part.call_ns, UINT64_MAX);
    if (part.is_write_done())
      by_call_.emplace_back(part.call_ns, part.version.value_or(UINT64_MAX));
  }
  std::ranges::sort(by_call_);
  Version greatest = 0;
  for (auto& [call_ns, version] : by_call_) version = greatest = std::max(greatest, version);
}

Version Deletes::latest_called_by(std::uint64_t time_ns) const {
  const auto behind =
      std::ranges::upper_bound(by_call_, time_ns, {}, &std::pair<std::uint64_t, Version>::first);
  return behind == by_call_.begin() ? 0 : std::prev(behind)->second;
}

}  // namespace kv::linearizability
