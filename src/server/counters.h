#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "protocol/request.h"
#include "server/latency_histogram.h"

namespace kv::server {

// A number that one thread counts and any thread reads.
class Counter {
 public:
  void add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t kVerbCount = static_cast<std::size_t>(protocol::Verb::kQuit) + 1;

// What one reactor has done and seen since the start. Only its thread counts.
struct Counters {
  struct OfVerb {
    Counter requests;
    Counter errors;  // answered with ERR
    LatencyHistogram latency;
  };
  std::array<OfVerb, kVerbCount> verbs;
  OfVerb& of(protocol::Verb verb) { return verbs[static_cast<std::size_t>(verb)]; }

  Counter connections_opened;
  Counter connections_closed;
  Counter bytes_received;
  Counter bytes_sent;
  Counter session_repeats;  // of requests that were carried out before; conflicts not counted
  Counter slow_reads;       // reads that left the reactor: from the disk, or of large values

  // Bad input.
  Counter requests_refused;   // understood, and refused; the connection went on
  Counter protocol_errors;    // not understood; the connection was closed
  Counter foreign_protocols;  // of those: HTTP, TLS, RESP where it is off

  // Back-pressure, step by step.
  Counter paused_by_inflight;  // a connection was not read from for a while
  Counter paused_by_output;
  Counter paused_by_memory;  // of all connections' output
  Counter try_later_memory;
  Counter try_later_queue;
  Counter try_later_merge_debt;
  Counter connections_refused;

  Counter idle_timeouts;
  Counter read_timeouts;
  Counter slow_readers;
  Counter accept_pauses;  // no descriptors left
};

}  // namespace kv::server
