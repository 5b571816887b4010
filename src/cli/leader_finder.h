#pragma once

#include "bench/driver.h"
#include "cli/console.h"
#include "kv/result.h"

namespace kv::cli {

// Has a run of `kv bench` begin at the server that leads, and, in a cluster, go where the lead
// goes.
Result<void> find_server(const Common& common, bench::DriverOptions& driver);

}  // namespace kv::cli
