// kv conformance: the protocol's vectors against any server.

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "client/conformance.h"
#include "protocol/vector_file.h"

namespace kv::cli {

namespace {

using client::Sending;
using protocol::VectorCase;

// Beside the binary where it is installed, in the source tree where it is built. Empty: neither.
std::string vectors_beside_binary() {
  std::error_code unknown;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown) return {};
  for (const char* folder : {"../share/kv/vectors", "../../protocol/vectors"}) {
    const auto path = binary.parent_path() / folder;
    std::error_code missing;
    if (std::filesystem::is_directory(path, missing)) return path.lexically_normal();
  }
  return {};
}

struct Tally {
  std::size_t cases = 0;
  std::size_t runs = 0;
  nlohmann::ordered_json failures = nlohmann::ordered_json::array();
};

void run_one(const Common& common, const std::string& address, const VectorCase& vector,
             Sending sending, Tally& tally) {
  const char* const how = sending == Sending::kWhole ? "whole" : "byte by byte";
  const auto wrong = client::run_case(vector, address, sending, common.timeout());
  tally.runs += 1;
  if (!wrong) return;
  tally.failures.push_back({{"file", vector.file},
                            {"line", vector.line},
                            {"title", vector.title},
                            {"sent", how},
                            {"problem", *wrong}});
  if (!common.is_json) {
    say(fmt::format("FAILED {}:{} {} (sent {}): {}\n", vector.file, vector.line, vector.title, how,
                    *wrong));
  }
}

int run_conformance(const Common& common, std::string folder) {
  if (folder.empty()) folder = vectors_beside_binary();
  if (folder.empty()) {
    complain("no vectors beside the binary; --vectors names their folder");
    return kExitUsage;
  }
  const auto vectors = protocol::load_vectors(folder);
  if (!vectors) {
    complain(describe(vectors.error()));
    return kExitUsage;
  }
  // A server that is not there would fail every case, and so would one that does not lead. Of a
  // single one nothing else is asked, as it may be any program's.
  std::string address = common.address;
  if (common.has_several_addresses()) {
    const auto leader = leader_address(common);
    if (!leader) return fail_to_connect(leader.error());
    address = *leader;
  } else if (auto client = connect(common); !client) {
    return fail_to_connect(client.error());
  }
  Tally tally;
  for (const VectorCase& vector : *vectors) {
    tally.cases += 1;
    run_one(common, address, vector, Sending::kWhole, tally);
    if (vector.is_bytewise()) run_one(common, address, vector, Sending::kBytewise, tally);
  }
  const std::size_t failed = tally.failures.size();
  if (common.is_json) {
    say(nlohmann::ordered_json{{"address", address},
                               {"cases", tally.cases},
                               {"runs", tally.runs},
                               {"failed", failed},
                               {"failures", std::move(tally.failures)}}
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n");
  } else {
    say(fmt::format("{} cases in {} runs: {} passed, {} failed\n", tally.cases, tally.runs,
                    tally.runs - failed, failed));
  }
  return failed == 0 ? kExitOk : kExitIntegrity;
}

}  // namespace

void add_conformance(CLI::App& app, Common& common, Run& run) {
  auto folder = std::make_shared<std::string>();
  CLI::App* conformance =
      app.add_subcommand("conformance", "hold a server against the protocol's test vectors");
  conformance->add_option("--vectors", *folder, "folder of *.vec files, instead of the installed")
      ->envname("KV_VECTORS");
  conformance->callback(
      [=, &common, &run] { run = [=, &common] { return run_conformance(common, *folder); }; });
}

}  // namespace kv::cli
