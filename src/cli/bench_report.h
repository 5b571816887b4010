#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/driver.h"

namespace kv::cli {

// A line for each operation that was asked for, and one for all of them where there are several:
//
//   read    p50 0.05 ms  p90 0.11 ms  p99 0.31 ms  p99.9 1.20 ms  max 4.00 ms  19 998 op/s ...
std::string bench_text(const bench::RunResult& result);
nlohmann::ordered_json bench_json(const bench::RunResult& result);

// Whether all keys were written, or found to be there, before the run.
enum class BenchKeys { kThere, kMayBeMissing };
// kExitIntegrity: the server lost something, or told what is wrong. Only keys that nobody looked
// for excuse one that is not there: what was refused or not served during the run is not read.
int bench_exit_code(const bench::Tally& tally, BenchKeys keys);

// What --hdr FILE is to hold: all operations together in FILE, and where there are several, each by
// itself in a file whose name has the operation's in front of its ending.
struct PercentileFile {
  std::string path;
  std::string text;
};
std::vector<PercentileFile> percentile_files(const std::string& path,
                                             const bench::RunResult& result);

// "0.053 ms", three digits.
std::string human_ms(std::uint64_t ns);

}  // namespace kv::cli
