#pragma once

#include <string>
#include <string_view>

namespace kv {

// What the store tells while it works: a segment sealed, a tail cut, damage found. The store itself
// never logs.
struct Event {
  enum class Level { kInfo, kWarning, kError };
  Level level;
  std::string_view name;  // stable, e.g. "tail cut"; a literal
  std::string details;    // key=value pairs, each naming file and offset where there is one
};

class EventListener {
 public:
  virtual ~EventListener() = default;
  // Called from any of the store's threads, and never with one of its locks held.
  virtual void on_event(const Event& event) = 0;
};

}  // namespace kv
