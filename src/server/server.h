#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kv/event.h"
#include "kv/options.h"
#include "kv/result.h"
#include "kv/store.h"
#include "protocol/limits.h"

namespace kv::server {

struct ServerOptions {
  // HOST:PORT each; an IPv6 host in brackets, "[::1]:7400". Port 0: a free one, see addresses().
  std::vector<std::string> listen = {"127.0.0.1:7400"};
  std::uint32_t threads = 0;     // reactors; 0: one per processor
  std::uint32_t io_threads = 2;  // for reads that wait for the disk, and for STATS
  std::uint32_t connections_max = 10'000;

  // Memory, in bytes. Beyond the first two, requests are refused with TRY_LATER.
  std::uint64_t request_memory_max = 256 * 1024 * 1024;  // payloads received and not yet answered
  std::uint64_t output_memory_max = 256 * 1024 * 1024;   // replies not yet taken by their clients
  std::uint64_t output_watermark = 1024 * 1024;  // of one connection; above it nothing is read
  std::uint64_t range_ahead_max = 256 * 1024;    // produced of a RANGE before the client takes it
  std::uint64_t range_bytes_max = 64 * 1024 * 1024;  // of one RANGE; then `more=1`
  std::uint32_t slow_reads_max = 1024;               // waiting for the disk, of all connections

  std::chrono::milliseconds idle_timeout{0};       // 0: none
  std::chrono::milliseconds read_timeout{30'000};  // of a request that stalls on its way in
  std::uint64_t read_rate_min = 1024;              // bytes per second, of one that takes longer
  std::chrono::milliseconds slow_reader_timeout{10'000};  // output over its limit, and stuck
  std::chrono::milliseconds drain_timeout{5'000};         // for replies under way at stop()
  std::chrono::milliseconds tick{100};                    // how exact all of these are

  protocol::Limits limits;
  std::string node = "n1";            // HELLO's node=
  Sync sync = Sync::kDisk;            // the store's, told by STATS
  EventListener* listener = nullptr;  // log lines; outlives the server; called from any thread
};

// The TCP server: one acceptor, `threads` reactors with a thread each, a few threads for slow
// reads.
//
// It knows the store by its public interface, and needs it open from start() until wait() returned
// or the server is destroyed. All methods may be called from any thread, but not from a listener.
class Server {
 public:
  // Listens on every address, and serves. Errors: kInvalidArgument (an address that is none), kIo
  // (with the system's cause: port taken, no permission, no such host).
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(Store& store, ServerOptions options);
  ~Server();  // stop(kNow) and wait()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens, with the real ports, in the order of ServerOptions::listen.
  const std::vector<std::string>& addresses() const;

  enum class Stop {
    kDrain,  // no new connections; replies under way are finished, within drain_timeout
    kNow,    // connections are cut; writes under way still find their way to the log
  };
  // Returns at once. A second call may only be harsher.
  void stop(Stop how);
  // Until everything has ended.
  void wait();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kv::server
