#pragma once

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
  double timeout_s = 5;
  bool is_json = false;
  bool is_quiet = false;
  bool has_no_color = false;
};

// Data goes to stdout, everything else to stderr.
inline void say(std::string_view text) { fmt::print(stdout, "{}", text); }
inline void complain(std::string_view text) { fmt::print(stderr, "kv: {}\n", text); }
// Prints the error, for people; returns the code to exit with.
int fail(const Error& error);

bool stdout_is_terminal();
bool stderr_is_terminal();

// A connection as the flags say.
Result<Client> connect(const Common& common);

}  // namespace kv::cli
