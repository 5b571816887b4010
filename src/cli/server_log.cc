#include "cli/server_log.h"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

}  // namespace

ServerLog::ServerLog(const Settings& settings) : is_json_(settings.is_json) {
  spdlog::sink_ptr sink;
  if (settings.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
  }
  logger_ = std::make_shared<spdlog::logger>("kv", std::move(sink));
  logger_->set_pattern(is_json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                : "%Y-%m-%dT%H:%M:%S.%e %-5l %v");
  logger_->set_level(spdlog::level::from_str(settings.level));
  logger_->flush_on(spdlog::level::info);
}

void ServerLog::on_event(const Event& event) {
  if (is_json_) {
    logger_->log(level_of(event.level), "\"event\":{},\"details\":{}",
                 nlohmann::json(std::string(event.name)).dump(),
                 nlohmann::json(event.details)
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    logger_->log(level_of(event.level), "{}: {}", event.name, event.details);
  }
}

}  // namespace kv::cli
