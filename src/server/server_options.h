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
  // HOST:PORT; an IPv6 host in brackets; port 0: any free one.
  std::string listen = "127.0.0.1:7400";
  bool hears_resp = true;     // on `listen`, too: told by the first byte of a connection
  std::string resp_listen;    // HOST:PORT for RESP alone, with inline commands; empty: none
  bool is_insecure = false;   // either may be one that other machines reach
  std::uint32_t threads = 1;  // reactors, each with a thread of its own; 0: one per processor
  std::uint32_t connections_max = 10'000;

  // Memory, in bytes.
  std::uint64_t memory_max = 256 * 1024 * 1024;  // of requests under way, and as much again of
                                                 // replies; above it TRY_LATER, and connections
                                                 // with replies to be taken are not read
  std::uint64_t output_max = 1024 * 1024;        // of replies waiting on one connection before no
                                                 // more requests of it are read
  std::uint64_t range_ahead_max = 256 * 1024;    // of a RANGE, produced before the client takes it
  std::uint64_t range_bytes_max = 64 * 1024 * 1024;  // of one RANGE; then `more=1`

  std::chrono::milliseconds idle_timeout{0};       // between requests; 0: never
  std::chrono::milliseconds read_timeout{30'000};  // a request that stalls; 0: never
  std::uint64_t read_rate_min = 1024;  // bytes a second, of a request older than read_timeout
  std::chrono::milliseconds slow_reader_timeout{10'000};  // output over its limit, hardly any taken
  std::chrono::milliseconds drain_timeout{10'000};        // of replies under way at a stop
  std::chrono::milliseconds drain_stall{1'000};           // of a request half sent at a stop
  // How long connections that ask nothing stay at a stop: a request that is just being sent gets an
  // answer, and its client need not wonder what became of it.
  std::chrono::milliseconds goodbye{250};
  std::chrono::milliseconds tick{250};  // how often timeouts are looked at

  std::chrono::milliseconds session_ttl{3'600'000};  // of a session that is not written to

  std::uint32_t io_threads = 2;         // for reads that wait for the disk
  std::uint32_t slow_reads_max = 1024;  // waiting for one, of each reactor
  std::uint32_t waits_max = 4096;       // for a version that a member does not have yet, the same

  protocol::Limits limits;
  Sync sync = Sync::kDisk;   // the store's, for STATS
  Ack ack = Ack::kMajority;  // of a write that asks for nothing, and of those that ask for less
  std::string version = KV_VERSION;
  std::string node = "n1";  // in HELLO
  // A line for the log, seldom more than one of a kind in ten seconds. Called from any thread.
  std::function<void(Event::Level level, std::string_view name, std::string_view details)> log;
};

}  // namespace kv::server
