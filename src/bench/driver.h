#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/tally.h"
#include "bench/target.h"
#include "bench/value_sizes.h"
#include "bench/worker.h"
#include "bench/workload.h"
#include "kv/options.h"
#include "kv/result.h"

namespace kv::bench {

enum class Protocol : std::uint8_t { kNative, kResp };

struct DriverOptions {
  std::string address;                      // HOST:PORT
  std::chrono::milliseconds timeout{5000};  // the longest silence of the server
  // Of a cluster: finds who leads when that one does no more, for as long as `patience`. Null: the
  // run ends then.
  Destination::Find find_leader = {};
  std::chrono::milliseconds patience{10'000};
  Protocol protocol = Protocol::kNative;
  std::optional<Sync> sync;      // what writes ask for; kNative only
  std::uint32_t keys = 100'000;  // 1 to kKeysMax
  std::size_t key_size = 16;     // KeyNames
  std::uint32_t clients = 50;    // connections, at least one for each thread
  std::uint32_t threads = 1;
  std::uint64_t seed = 1;

  static constexpr std::uint32_t kKeysMax = 4'000'000'000;
};

// When a run starts requests.
struct RunOptions {
  std::uint32_t pipeline = 1;
  double rate = 0;  // requests a second of all threads, an open loop; 0: a closed loop
  std::chrono::milliseconds warmup{2000};
  std::chrono::milliseconds duration{10'000};  // behind the warm-up
  std::uint64_t operations = 0;                // instead of a duration; 0: none given
};

// What a run or the loading came to.
struct RunResult {
  Tally tally;
  double seconds = 0;                 // from the end of the warm-up to the last answer
  std::optional<Error> failure = {};  // what ended it early; the tally is of what was before
};

// Where a run is, for a line about it.
struct RunProgress {
  std::uint64_t answered;
  std::uint64_t bytes_sent;
};

// The load on one server: connections, the threads that drive them, and the keys that they write
// and read back. One thread calls; `show` is called by it some times a second, and returns false to
// end the run there.
class Driver {
 public:
  using Show = std::function<bool(const RunProgress&)>;

  // kInvalidArgument (the address), kUnavailable, kTimeout.
  [[nodiscard]] static Result<std::unique_ptr<Driver>> connect(const DriverOptions& options,
                                                               const ValueSizes& sizes);
  ~Driver();

  bool can_scan() const { return target_->can_scan(); }

  // Whether the keys are there, with values of these sizes, as a sample tells. After an error here,
  // and below, or a failure of run(), the driver is of no more use. kServer: the server refuses to
  // tell.
  [[nodiscard]] Result<bool> is_loaded();
  // Writes all of them.
  [[nodiscard]] Result<RunResult> load(const RunOptions& options, const Show& show);
  [[nodiscard]] RunResult run(const Workload& workload, const RunOptions& options,
                              const Show& show);

 private:
  Driver(const DriverOptions& options, const ValueSizes& sizes);
  void stop();  // any thread
  RunResult drive(std::vector<std::unique_ptr<RequestSource>> sources,
                  const std::vector<Schedule>& schedules, const Show& show);

  const DriverOptions options_;
  const ValueSizes sizes_;
  const std::unique_ptr<const Target> target_;
  Destination leader_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace kv::bench
