#include "cli/console.h"

#include <unistd.h>

#include "cli/quantity.h"

namespace kv::cli {

std::chrono::milliseconds Common::timeout() const {
  return parse_duration(timeout_text).value_or(std::chrono::seconds(5));
}

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void complain(std::string_view text) {
  const std::string line = fmt::format("kv: {}\n", text);
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
  complain(describe(error));
  if (error.code == Errc::kUnavailable) {
    complain("is a server running? `kv status` looks, `kv start` starts one, --addr names another");
  }
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

}  // namespace kv::cli
