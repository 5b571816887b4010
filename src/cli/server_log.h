#pragma once

#include <memory>
#include <string>

#include "kv/event.h"

namespace spdlog {
class logger;
}

namespace kv::cli {

// Turns events into log lines: on stderr or in a file, as text (time level event key=value ...) or
// as one JSON object a line.
class ServerLog final : public EventListener {
 public:
  struct Settings {
    std::string file;  // empty: stderr
    bool is_json = false;
    std::string level = "info";
  };
  // Throws spdlog::spdlog_ex when the file cannot be opened.
  explicit ServerLog(const Settings& settings);
  void on_event(const Event& event) override;

 private:
  const bool is_json_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace kv::cli
