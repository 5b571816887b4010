#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "cli/exit_code.h"
#include "kv/client.h"
#include "kv/result.h"

namespace kv::cli {

inline constexpr std::string_view kTimeoutDefault = "5s";

// Flags that every command has.
struct Common {
  std::string address = "127.0.0.1:7400";  // or several, with commas between
  bool has_address_flag = false;           // --addr was typed, and does not come from KV_ADDR
  std::string timeout_text = std::string(kTimeoutDefault);
  std::uint32_t retries = 3;
  std::string retry_for_text = "10s";
  bool is_json = false;
  bool is_quiet = false;
  bool has_no_color = false;

  std::chrono::milliseconds timeout() const;
  std::chrono::milliseconds retry_for() const;
  bool has_several_addresses() const { return address.find(',') != std::string::npos; }
};

// From here on complaints are JSON objects, {"error": TEXT}, as all that is printed is to be JSON.
void complain_in_json();
// Data goes to stdout, everything else to stderr. Whether stdout took it all is asked at the end.
void say(std::string_view text);
void complain(std::string_view text);
// Flushes stdout; the code to exit with instead of `code` when something could not be written.
int finish_stdout(int code);
// Prints the error, for people; returns the code to exit with.
int fail(const Error& error);
// The same for an error of connect(), which may be a wrong --addr.
int fail_to_connect(const Error& error);

bool stdout_is_terminal();
bool stderr_is_terminal();

// A connection as the flags say.
Result<Client> connect(const Common& common);

// The same for what is asked about one server: of several it is the first one named that can be
// reached, and others take its place only when it refuses or is silent until the timeout.
Result<Client> connect_to_first(const Common& common);

// The same as that, and as patient as a request of minutes needs, unless the user set a timeout.
Result<Client> connect_patiently(const Common& common);

// Of the server that leads, for those who then speak to it without a Client.
Result<std::string> leader_address(const Common& common);

// Makes the call again for as long as the server says to try later, which promises that nothing was
// done, and the flags allow it. Waits longer each time. A client of several servers does so itself.
template <class Call>
auto retried(const Common& common, const Call& call) {
  constexpr std::chrono::milliseconds kWaitFirst{25};
  auto result = call();
  const std::uint32_t retries = common.has_several_addresses() ? 0 : common.retries;
  for (std::uint32_t tries = 0; tries < retries; ++tries) {
    if (result || result.error().code != Errc::kTryLater) break;
    std::this_thread::sleep_for(kWaitFirst * (1u << std::min(tries, 6u)));
    result = call();
  }
  return result;
}

}  // namespace kv::cli
