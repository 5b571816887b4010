#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "kv/event.h"

namespace kv::server {

// Lines for the log, each kind of event at most once in kQuiet: what a client can
// cause must not fill the log. One thread.
class EventLog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kQuiet{10};

  using Write = std::function<void(Event::Level, std::string_view, std::string_view)>;

  // `write` may be empty.
  explicit EventLog(Write write) : write_(std::move(write)) {}

  // `name` is a literal. The details of events that are left out are only counted: suppressed=N.
  void tell(Event::Level level, std::string_view name, std::string details, Time now);

 private:
  struct Told {
    Time last;
    std::uint64_t suppressed = 0;
  };

  const Write write_;
  std::map<std::string_view, Told> told_;
};

}  // namespace kv::server
