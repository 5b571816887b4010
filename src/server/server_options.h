#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kv/event.h"
#include "kv/options.h"
#include "kv/version.h"
#include "protocol/limits.h"

namespace kv::server {

struct ServerOptions {
  std::string listen =
      "127.0.0.1:7400";       // HOST:PORT; an IPv6 host in brackets; port 0: any free one
  std::uint32_t threads = 1;  // reactors, each with a thread of its own
  std::uint32_t connections_max = 10'000;
  std::uint64_t memory_max = 256 * 1024 * 1024;  // bytes of payloads and replies under way, in all
  std::uint64_t output_max = 1024 * 1024;     // bytes of replies waiting on one connection before
                                              // no more requests of it are read
  std::chrono::milliseconds idle_timeout{0};  // between requests; 0: never
  std::chrono::milliseconds read_timeout{30'000};  // a request that stalls
  std::uint64_t read_rate_min = 1024;  // bytes a second, of a request older than read_timeout
  std::chrono::milliseconds slow_reader_timeout{10'000};  // a client that takes no reply
  std::chrono::milliseconds drain_timeout{10'000};
  std::chrono::milliseconds tick{250};  // how often timeouts are looked at
  std::uint32_t io_threads = 2;         // for reads that wait for the disk
  protocol::Limits limits;
  Sync sync = Sync::kDisk;  // for STATS and HELLO
  std::string version = KV_VERSION;
  // A line for the log, at most a few a second of a kind.
  std::function<void(Event::Level level, std::string_view name, std::string_view details)> log;
};

}  // namespace kv::server
