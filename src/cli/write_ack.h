#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/options.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// --ack of the commands that write; `text` is empty where it is not given.
void add_ack(CLI::App& command, std::string& text);
// nullopt: the server's setting.
std::optional<Ack> ack_of(std::string_view text);

// Why an acknowledgement by the leader's disk alone is less than it seems, and what to do.
std::string local_ack_text(Version version, std::uint64_t epoch);

}  // namespace kv::cli
