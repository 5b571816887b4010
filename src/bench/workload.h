#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bench/random.h"
#include "kv/result.h"

namespace kv::bench {

enum class Operation : std::uint8_t { kRead, kUpdate, kInsert, kScan, kReadModifyWrite };
inline constexpr std::size_t kOperationCount = 5;
// "read", "update", "insert", "scan", "rmw".
std::string_view name_of(Operation operation);

// How often each operation comes, relative to the others.
class Mix {
 public:
  static constexpr std::uint32_t kShareMax = 1'000'000;

  // "read=50,update=50". kInvalidArgument.
  static Result<Mix> parse(std::string_view text);
  // The shares of the operations in their order, not all 0, each at most kShareMax.
  explicit Mix(const std::array<std::uint32_t, kOperationCount>& shares);

  Operation choose(Random& random) const;
  bool has(Operation operation) const { return shares_[static_cast<std::size_t>(operation)] > 0; }

 private:
  std::array<std::uint32_t, kOperationCount> shares_;
  std::uint32_t total_ = 0;
};

enum class Distribution : std::uint8_t {
  kUniform,  // every key that is there is as likely
  kZipfian,  // few keys are asked for most of the time, scattered over all
  kLatest,   // the same, and those are the keys that were inserted last
};
std::string_view name_of(Distribution distribution);
std::optional<Distribution> parse_distribution(std::string_view text);

// What a run asks for. Scans take 1 to kScanMax keys, each length as likely.
struct Workload {
  static constexpr std::uint32_t kScanMax = 100;

  Mix mix;
  Distribution distribution;
};

// The core workloads of the Yahoo! Cloud Serving Benchmark, 'a' to 'f' (Cooper et al.,
// "Benchmarking Cloud Serving Systems with YCSB", 2010). nullopt: there is no such one.
std::optional<Workload> ycsb(char letter);

}  // namespace kv::bench
