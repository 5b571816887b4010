#include "cli/console.h"

#include <unistd.h>

namespace kv::cli {

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

int fail(const Error& error) {
  complain(describe(error));
  if (error.code == Errc::kUnavailable) {
    complain("is a server running? `kv status` looks, `kv start` starts one, --addr names another");
  }
  return exit_code_of(error);
}

Result<Client> connect(const Common& common) {
  ClientOptions options;
  options.address = common.address;
  options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(common.timeout_s * 1000));
  options.connect_timeout = options.timeout;
  return Client::connect(options);
}

}  // namespace kv::cli
