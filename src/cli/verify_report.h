#pragma once

#include "cli/console.h"
#include "kv/verify.h"

namespace kv::cli {

// Prints what a verification found, as text or, with --json, as one object.
void print(const Common& common, const VerifyReport& report);

}  // namespace kv::cli
