#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "protocol/vector_file.h"

namespace kv::client {

enum class Sending { kWhole, kBytewise };

// Holds one conformance vector against the server at `address`, as protocol/vectors/README.md says.
// nullopt: it passed; else what was wrong, for people. `timeout` is the longest silence.
std::optional<std::string> run_case(const protocol::VectorCase& vector, const std::string& address,
                                    Sending sending, std::chrono::milliseconds timeout);

}  // namespace kv::client
