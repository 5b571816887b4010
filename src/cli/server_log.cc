#include "cli/server_log.h"

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <spdlog/details/file_helper.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "cli/console.h"

namespace kv::cli {

namespace {

spdlog::level::level_enum level_of(Event::Level level) {
  switch (level) {
    case Event::Level::kInfo:
      return spdlog::level::info;
    case Event::Level::kWarning:
      return spdlog::level::warn;
    case Event::Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string json_text(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

class ServerLog::FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(std::string name) : name_(std::move(name)) {}
  void reopen() {
    const std::lock_guard lock(mutex_);
    if (is_open_) file_.open(name_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!is_open_) file_.open(name_);
    is_open_ = true;
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.write(line);
  }
  void flush_() override {
    if (is_open_) file_.flush();
  }

 private:
  const std::string name_;
  // Guarded by base_sink's mutex_.
  spdlog::details::file_helper file_;
  bool is_open_ = false;
};

ServerLog::ServerLog(const Settings& settings) : is_json_(settings.is_json) {
  spdlog::sink_ptr sink;
  if (settings.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = file_ = std::make_shared<FileSink>(settings.file);
  }
  logger_ = std::make_shared<spdlog::logger>("kv", std::move(sink));
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      is_json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
               : "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
      spdlog::pattern_time_type::utc));
  logger_->set_level(spdlog::level::from_str(settings.level));
  logger_->flush_on(spdlog::level::info);
}

ServerLog::~ServerLog() = default;

Result<void> ServerLog::check_file(const std::string& file) {
  const std::filesystem::path path(file);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const bool is_there = ::access(file.c_str(), F_OK) == 0;
  if (::access(is_there ? file.c_str() : folder.c_str(), W_OK) == 0) return {};
  return tl::unexpected(
      Error{Errc::kIo, "cannot write the log file " + file, {errno, std::generic_category()}});
}

void ServerLog::on_event(const Event& event) {
  if (is_json_) {
    logger_->log(level_of(event.level), R"("event":{},"details":{})", json_text(event.name),
                 json_text(event.details));
  } else {
    logger_->log(level_of(event.level), "event=\"{}\"{}{}", event.name,
                 event.details.empty() ? "" : " ", event.details);
  }
}

void ServerLog::warn(std::string_view name, const std::string& details) {
  on_event({Event::Level::kWarning, name, details});
  if (file_) complain(fmt::format("warning: {}: {}", name, details));
}

void ServerLog::reopen() {
  if (file_) file_->reopen();
}

}  // namespace kv::cli
