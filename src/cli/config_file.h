#pragma once

#include <memory>

#include <CLI/CLI.hpp>

namespace kv::cli {

// The config file of `kv start`: `name = value` lines as in rel/kv.conf. CLI11 lets a file win over
// the environment and accepts unknown names; here the order is flags, environment, file, default,
// and an unknown name is an error.
std::shared_ptr<CLI::Config> make_config_reader();

}  // namespace kv::cli
