#pragma once

#include <string>
#include <string_view>

#include "kv/store.h"
#include "server/counters.h"
#include "server/server_options.h"

namespace kv::server {

// The text or JSON that STATS answers. An unknown section gives an empty report.
std::string stats_report(const Store& store, const ServerOptions& options, const Counters& counters,
                         const MemoryBudget& budget, bool is_json, std::string_view section);

}  // namespace kv::server
