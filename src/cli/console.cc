#include "cli/console.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/quantity.h"
#include "cli/server_order.h"
#include "client/address.h"

namespace kv::cli {

namespace {

bool is_complaint_json = false;  // set once, before there are threads

}  // namespace

std::chrono::milliseconds Common::timeout() const {
  return parse_duration(timeout_text).value_or(std::chrono::seconds(5));
}

std::chrono::milliseconds Common::retry_for() const {
  if (retry_for_text == "0") return std::chrono::milliseconds(0);
  return parse_duration(retry_for_text).value_or(std::chrono::seconds(10));
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
  std::string_view hint;
  if (error.code == Errc::kUnavailable) {
    hint = "is a server running? `kv status` looks, `kv start` starts one, --addr names another";
  } else if (error.code == Errc::kNotLeader) {
    hint = "--addr HOST:PORT,HOST:PORT names more of its servers, --retry-for waits longer";
  }
  if (is_complaint_json) {
    complain(hint.empty() ? describe(error) : fmt::format("{}; {}", describe(error), hint));
    return exit_code_of(error);
  }
  complain(describe(error));
  if (!hint.empty()) complain(hint);
  return exit_code_of(error);
}

int fail_to_connect(const Error& error) {
  const int code = fail(error);
  return error.code == Errc::kInvalidArgument ? kExitUsage : code;
}

namespace {

ClientOptions options_of(const Common& common) {
  ClientOptions options;
  options.address = common.address;
  options.timeout = common.timeout();
  options.connect_timeout = options.timeout;
  options.retry_for = common.retry_for();
  return options;
}

// What several servers are is asked before the first of them is sent anything.
ClientOptions well_ordered(ClientOptions options, const Patience& patience) {
  const auto addresses = client::parse_addresses(options.address);
  if (!addresses || addresses->size() == 1) return options;
  const auto ask = [options](const std::string& address) {
    ClientOptions one = options;
    one.address = address;
    one.retry_for = std::chrono::milliseconds(0);
    return Client::connect(one).and_then([](Client client) -> Result<bool> {
      const auto answered = client.hello();
      const bool is_there = answered || client.last_server_error();
      return is_there ? Result<bool>(true) : tl::unexpected(answered.error());
    });
  };
  options.address = fmt::format("{}", fmt::join(server_order(*addresses, ask, patience), ","));
  return options;
}

}  // namespace

Result<Client> connect(const Common& common) {
  return Client::connect(well_ordered(options_of(common), Patience()));
}

Result<Client> connect_to_first(const Common& common) {
  return Client::connect(well_ordered(options_of(common), Patience::endless()));
}

Result<Client> connect_patiently(const Common& common) {
  ClientOptions options = well_ordered(options_of(common), Patience::endless());
  if (common.timeout_text == kTimeoutDefault) options.timeout = std::chrono::hours(1000);
  return Client::connect(options);
}

Result<std::string> leader_address(const Common& common) {
  auto client = connect(common);
  if (!client) return tl::unexpected(std::move(client).error());
  return client->leader();
}

}  // namespace kv::cli
