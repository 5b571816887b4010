#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "kv/store.h"

namespace kv::cli {

// What a server says of itself when it is ready.
struct Banner {
  std::string data;
  std::string address;
  std::string resp_address;  // of the listener for RESP alone; empty: none
  bool hears_resp;           // at `address`, too
  std::string sync;
  std::int64_t sync_interval_ms;
  bool is_detached;
  bool is_new;  // the data directory is
  pid_t pid;
  RecoveryStats recovery;
};

// For people: the last line is "ready", and every address stands above it.
std::string text_of(const Banner& banner);
// For programs: an object in one line.
std::string json_of(const Banner& banner);

}  // namespace kv::cli
