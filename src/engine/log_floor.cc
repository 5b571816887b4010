#include "engine/log_floor.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/segment.h"

namespace kv::engine {

std::uint64_t log_floor_candidate(const SegmentTable& table, std::uint64_t safe,
                                  std::uint64_t retention) {
  std::vector<std::shared_ptr<Segment>> log;
  for (const auto& segment : *table.all()) {
    if (segment->kind() == format::SegmentKind::kLog && segment->last_sequence > 0) {
      log.push_back(segment);
    }
  }
  std::ranges::sort(log, std::ranges::greater{},
                    [](const auto& segment) { return segment->last_sequence.load(); });
  std::uint64_t behind = 0;
  for (const auto& segment : log) {
    if (segment->is_sealed && behind >= retention && segment->last_sequence <= safe) {
      return segment->last_sequence;
    }
    behind += segment->size;
  }
  return 0;
}

}  // namespace kv::engine
