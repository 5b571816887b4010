// inspect: where a key lives on the server's disk.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/escape.h"
#include "cli/table.h"

namespace kv::cli {

namespace {

std::vector<std::string> row_of(const nlohmann::json& record) {
  const bool is_delete = record.value("kind", "") == "delete";
  const auto number = [&](const char* name) {
    return std::to_string(record.value(name, std::uint64_t{0}));
  };
  return {number("version"),
          is_delete ? "delete" : "put",
          number("segment"),
          record.value("merged", false) ? "merged" : "log",
          number("offset"),
          number("bytes"),
          is_delete ? "-" : number("value_bytes"),
          record.value("current", false) ? "the value" : (is_delete ? "" : "dead")};
}

std::string page_of(const nlohmann::json& found) {
  std::vector<std::vector<std::string>> rows = {
      {"version", "record", "segment", "kind", "offset", "bytes", "value", ""}};
  for (const auto& record : found["records"]) rows.push_back(row_of(record));
  std::string out = rows.size() > 1 ? table_text(rows) : "";
  const std::uint64_t all = found.value("segments", std::uint64_t{0});
  const std::uint64_t skipped = found.value("segments_skipped", std::uint64_t{0});
  out += fmt::format("read {} of {}; the key filters rule the others out\n", all - skipped,
                     counted(all, "segment"));
  for (const auto& segment : found["damaged_segments"]) {
    out +=
        fmt::format("segment {} is damaged; there may be more of the key in it\n", segment.dump());
  }
  return out;
}

int run_inspect(const Common& common, const std::string& key) {
  auto client = connect_to_first(common);
  if (!client) return fail_to_connect(client.error());
  auto text = retried(common, [&] { return client->inspect(key, "json"); });
  if (!text) return fail(text.error());
  const auto found = nlohmann::json::parse(*text, nullptr, false);
  if (!found.is_object() || !found.contains("records") || !found.contains("damaged_segments")) {
    return fail({Errc::kProtocol, "INSPECT did not answer with JSON", {}});
  }
  say(common.is_json ? *text + "\n" : page_of(found));
  if (!found["records"].empty()) return kExitOk;
  complain(fmt::format("key not found: {}", in_quotes(key)));
  return kExitNotFound;
}

}  // namespace

void add_inspect(CLI::App& app, Common& common, Run& run) {
  auto key = std::make_shared<std::string>();
  CLI::App* inspect =
      app.add_subcommand("inspect", "show where a key and its older versions lie on the disk");
  inspect->add_option("key", *key)->required();
  inspect->callback(
      [=, &common, &run] { run = [=, &common] { return run_inspect(common, *key); }; });
}

}  // namespace kv::cli
