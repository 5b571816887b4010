#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kv/event.h"
#include "kv/result.h"

namespace spdlog {
class logger;
}

namespace kv::cli {

// Turns events into log lines: on stderr or in a file, as text (time=... level=... event=... and
// the event's own key=value pairs) or as one JSON object a line. Times are UTC. Any thread.
//
// The file is made when the first line is written, so that a start that is refused leaves none.
class ServerLog final : public EventListener {
 public:
  struct Settings {
    std::string file;  // empty: stderr
    bool is_json = false;
    std::string level = "info";  // info, warning or error
  };
  explicit ServerLog(const Settings& settings);
  ~ServerLog() override;

  // kIo: lines could not be written to that file.
  static Result<void> check_file(const std::string& file);
  void on_event(const Event& event) override;
  // A warning for whoever starts the server: where the log is a file also on stderr, which is seen
  // until the server is ready.
  void warn(std::string_view name, const std::string& details);
  // Goes on in a file of the same name, made anew if it was moved away.
  void reopen();

 private:
  class FileSink;
  const bool is_json_;
  std::shared_ptr<FileSink> file_;  // null: stderr
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace kv::cli
