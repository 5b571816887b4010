#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/exit_code.h"
#include "kv/client.h"
#include "kv/result.h"

namespace kv::cli {

// Flags that every command has.
struct Common {
  std::string address = "127.0.0.1:7400";
  std::string timeout_text = "5s";
  bool is_json = false;
  bool is_quiet = false;
  bool has_no_color = false;

  std::chrono::milliseconds timeout() const;
};

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

}  // namespace kv::cli
