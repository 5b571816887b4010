#include "cli/console.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/quantity.h"

namespace kv::cli {

namespace {

bool is_complaint_json = false;  // set once, before there are threads

}  // namespace

std::chrono::milliseconds Common::timeout() const {
  return parse_duration(timeout_text).value_or(std::chrono::seconds(5));
}

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void complain_in_json() { is_complaint_json = true; }

void complain(std::string_view text) {
  const std::string line = is_complaint_json
                               ? nlohmann::json{{"error", text}}.dump(
                                     -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                                     "\n"
                               : fmt::format("kv: {}\n", text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

int finish_stdout(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  complain("cannot write to stdout");
  return code == kExitOk ? kExitServerError : code;
}

int fail(const Error& error) {
  constexpr std::string_view kHint =
      "is a server running? `kv status` looks, `kv start` starts one, --addr names another";
  const bool has_hint = error.code == Errc::kUnavailable;
  if (is_complaint_json) {
    complain(has_hint ? fmt::format("{}; {}", describe(error), kHint) : describe(error));
    return exit_code_of(error);
  }
  complain(describe(error));
  if (has_hint) complain(kHint);
  return exit_code_of(error);
}

int fail_to_connect(const Error& error) {
  const int code = fail(error);
  return error.code == Errc::kInvalidArgument ? kExitUsage : code;
}

Result<Client> connect(const Common& common) {
  ClientOptions options;
  options.address = common.address;
  options.timeout = common.timeout();
  options.connect_timeout = options.timeout;
  return Client::connect(options);
}

Result<Client> connect_patiently(const Common& common) {
  ClientOptions options;
  options.address = common.address;
  options.connect_timeout = common.timeout();
  const bool has_default = common.timeout_text == kTimeoutDefault;
  options.timeout = has_default ? std::chrono::hours(1000) : common.timeout();
  return Client::connect(options);
}

}  // namespace kv::cli
