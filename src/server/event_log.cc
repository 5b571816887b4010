#include "server/event_log.h"

#include <utility>

#include <fmt/format.h>

namespace kv::server {

void EventLog::tell(Event::Level level, std::string_view name, std::string details, Time now) {
  if (!write_) return;
  const auto [found, is_first] = told_.try_emplace(name, Told{now});
  Told& told = found->second;
  if (!is_first && now - told.last < kQuiet) {
    told.suppressed += 1;
    return;
  }
  if (told.suppressed > 0) details += fmt::format(" suppressed={}", told.suppressed);
  told = {now};
  write_(level, name, details);
}

}  // namespace kv::server
