#pragma once

#include <cstdint>
#include <optional>
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
  // Of a member of a cluster: its log, whose keys are there once the records are applied. Those
  // that are not known to be committed wait for a leader's word.
  struct Log {
    std::uint64_t records = 0;
    std::uint64_t committed = 0;
  };
  std::optional<Log> log = {};
};

// For people: the last line is "ready", and every address stands above it.
std::string text_of(const Banner& banner);
// For programs: an object in one line.
std::string json_of(const Banner& banner);

}  // namespace kv::cli
