#include "cli/write_ack.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace kv::cli {

void add_ack(CLI::App& command, std::string& text) {
  command
      .add_option("--ack", text,
                  "in a cluster: wait for the disks of a majority; or local, for the leader's, "
                  "with which the write can be lost. Never weaker than the server's --ack, which "
                  "is the default")
      ->check(CLI::IsMember({"majority", "local"}));
}

std::optional<Ack> ack_of(std::string_view text) {
  if (text == "majority") return Ack::kMajority;
  if (text == "local") return Ack::kLocal;
  return std::nullopt;
}

std::string local_ack_text(Version version, std::uint64_t epoch) {
  return fmt::format(
      "on the leader's disk alone so far, and lost if it is lost before a majority has the write; "
      "`WAIT ver={} epoch={}` in `kv attach` tells, --ack majority waits for that",
      version, epoch);
}

}  // namespace kv::cli
