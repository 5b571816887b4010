#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/quantity.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// Each adds its commands to the app; the one the user named sets `run`, which main calls once all
// flags are known.
using Run = std::function<int()>;
void add_start(CLI::App& app, Common& common, Run& run);
void add_control(CLI::App& app, Common& common, Run& run);  // stop status
void add_data(CLI::App& app, Common& common, Run& run);     // put get del
void add_scan(CLI::App& app, Common& common, Run& run);     // range count
void add_import(CLI::App& app, Common& common, Run& run);
void add_export(CLI::App& app, Common& common, Run& run);
void add_conformance(CLI::App& app, Common& common, Run& run);
void add_merge(CLI::App& app, Common& common, Run& run);    // merge-now, -pause, -resume, -stop
void add_cluster(CLI::App& app, Common& common, Run& run);  // status transfer
void add_inspect(CLI::App& app, Common& common, Run& run);
void add_stats(CLI::App& app, Common& common, Run& run);
void add_verify(CLI::App& app, Common& common, Run& run);
void add_salvage(CLI::App& app, Common& common, Run& run);
void add_backup(CLI::App& app, Common& common, Run& run);
void add_attach(CLI::App& app, Common& common, Run& run);
void add_bench(CLI::App& app, Common& common, Run& run);
void add_torture(CLI::App& app, Common& common, Run& run);
void add_help(CLI::App& app, Common& common, Run& run);  // version help

// A check for options that count something.
inline std::string at_least_one(const std::string& text) { return problem_with_count(text, 1); }

}  // namespace kv::cli
