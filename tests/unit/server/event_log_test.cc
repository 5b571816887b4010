#include "server/event_log.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using kv::Event;
using kv::server::EventLog;
using namespace std::chrono_literals;

TEST_CASE("each kind of event is told at once, and then at most once in a while") {
  std::vector<std::string> lines;
  EventLog log([&](Event::Level, std::string_view name, std::string_view details) {
    lines.push_back(std::string(name) + " " + std::string(details));
  });
  const EventLog::Time start{1h};
  log.tell(Event::Level::kWarning, "a", "n=1", start);
  log.tell(Event::Level::kWarning, "a", "n=2", start + 1s);
  log.tell(Event::Level::kWarning, "b", "n=3", start + 2s);
  log.tell(Event::Level::kWarning, "a", "n=4", start + 3s);
  log.tell(Event::Level::kWarning, "a", "n=5", start + 10s);
  log.tell(Event::Level::kWarning, "a", "n=6", start + 30s);
  CHECK(lines == std::vector<std::string>{"a n=1", "b n=3", "a n=5 suppressed=2", "a n=6"});
}

TEST_CASE("without a listener nothing happens") {
  EventLog log({});
  CHECK_NOTHROW(log.tell(Event::Level::kInfo, "a", "", {}));
}
