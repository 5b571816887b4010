#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "server/backend.h"
#include "server/cluster_member.h"
#include "server/counters.h"
#include "server/memory_budget.h"
#include "server/merge_desk.h"
#include "server/server_options.h"
#include "server/stats_source.h"

namespace kv::server {

// The page that STATS answers with: `name: value` lines under `# section` lines, or the same as
// JSON. Names are unique over all sections, numbers exact. What it refers to outlives it.
class StatsPage final : public StatsSource {
 public:
  StatsPage(const ServerOptions& options, const Backend& backend, const MergeDesk& merges,
            std::size_t threads, std::vector<const Counters*> counters,
            const MemoryBudget& request_memory, const MemoryBudget& output_memory,
            const ClusterMember* cluster)
      : options_(options),
        backend_(backend),
        merges_(merges),
        threads_(threads),
        counters_(std::move(counters)),
        request_memory_(request_memory),
        output_memory_(output_memory),
        cluster_(cluster) {}

  std::optional<std::string> stats(std::string_view section, bool is_json) const override;

 private:
  std::uint64_t sum(Counter Counters::*counter) const;

  const ServerOptions& options_;
  const Backend& backend_;
  const MergeDesk& merges_;
  const std::size_t threads_;                    // reactors
  const std::vector<const Counters*> counters_;  // one of each, and the acceptor's
  const MemoryBudget& request_memory_;
  const MemoryBudget& output_memory_;
  const ClusterMember* const cluster_;  // null: a server alone
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace kv::server
