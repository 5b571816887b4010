#include "cli/bench_report.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/percentile_log.h"
#include "cli/exit_code.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

using bench::Operation;
using bench::RunResult;
using bench::Tally;

constexpr std::array<std::pair<const char*, double>, 4> kQuantiles = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

struct NamedLine {
  std::string name;
  Tally::Line line;
};

bool is_empty(const Tally::Line& line) {
  return line.times.count() == 0 && line.errors() == 0 && line.unserved == 0;
}

// The operations that came, and the sum of them where there are several.
std::vector<NamedLine> lines_of(const Tally& tally) {
  std::vector<NamedLine> lines;
  for (std::size_t i = 0; i < bench::kOperationCount; ++i) {
    const Tally::Line& line = tally.lines[i];
    if (is_empty(line)) continue;
    lines.push_back({std::string(name_of(static_cast<Operation>(i))), line});
  }
  if (lines.size() != 1) lines.push_back({"all", tally.total()});
  return lines;
}

double rate_of(const Tally::Line& line, double seconds) {
  return seconds > 0 ? static_cast<double>(line.times.count()) / seconds : 0;
}

nlohmann::ordered_json json_of_line(const Tally::Line& line, double seconds) {
  nlohmann::ordered_json out{
      {"count", line.times.count()}, {"ops_per_second", rate_of(line, seconds)},
      {"errors", line.errors()},     {"refused", line.refused},
      {"missing", line.missing},     {"wrong", line.wrong},
      {"unserved", line.unserved}};
  nlohmann::ordered_json& latency = out["latency_ns"];
  for (const auto& [name, share] : kQuantiles) latency[name] = line.times.value_at(share);
  latency["max"] = line.times.max();
  latency["mean"] = line.times.mean();
  return out;
}

}  // namespace

std::string human_ms(std::uint64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  const int decimals = ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return fmt::format("{:.{}f} ms", ms, decimals);
}

std::string bench_text(const RunResult& result) {
  std::string out;
  for (const auto& [name, line] : lines_of(result.tally)) {
    out += fmt::format("{:7}", name);
    for (const auto& [quantile, share] : kQuantiles) {
      out += fmt::format(" {} {:8} ", quantile, human_ms(line.times.value_at(share)));
    }
    const auto rate = static_cast<std::uint64_t>(std::llround(rate_of(line, result.seconds)));
    out +=
        fmt::format(" max {:8}   {} op/s   count {}   errors {}\n", human_ms(line.times.max()),
                    human_count(rate), human_count(line.times.count()), human_count(line.errors()));
  }
  const Tally& tally = result.tally;
  if (!tally.first_unserved.empty()) {
    const double seconds = std::chrono::duration<double>(tally.gap_max).count();
    out += fmt::format(
        "not served  {} that no leader took, or that were lost with one; at most {:.2f} s "
        "without an answer; the first: {}\n",
        counted(tally.total().unserved, "request"), seconds, tally.first_unserved);
  }
  return out;
}

nlohmann::ordered_json bench_json(const RunResult& result) {
  const Tally& tally = result.tally;
  nlohmann::ordered_json out{{"seconds", result.seconds}, {"unsent", tally.unsent}};
  if (!tally.first_unserved.empty()) {
    out["gap_ns"] = tally.gap_max.count();
    out["first_unserved"] = tally.first_unserved;
  }
  if (result.failure) out["failure"] = describe(*result.failure);
  nlohmann::ordered_json& operations = out["operations"];
  operations = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < bench::kOperationCount; ++i) {
    const Tally::Line& line = result.tally.lines[i];
    if (is_empty(line)) continue;
    operations[std::string(name_of(static_cast<Operation>(i)))] =
        json_of_line(line, result.seconds);
  }
  out["all"] = json_of_line(result.tally.total(), result.seconds);
  return out;
}

int bench_exit_code(const Tally& tally, BenchKeys keys) {
  const Tally::Line all = tally.total();
  const bool is_lost = all.missing > 0 && keys == BenchKeys::kThere;
  if (all.wrong > 0 || is_lost) return kExitIntegrity;
  return all.errors() > 0 ? kExitServerError : kExitOk;
}

std::vector<PercentileFile> percentile_files(const std::string& path, const RunResult& result) {
  std::vector<PercentileFile> files;
  files.push_back({path, bench::percentile_log(result.tally.total().times)});
  const auto lines = lines_of(result.tally);
  if (lines.size() == 1) return files;
  const std::filesystem::path whole(path);
  for (const auto& [name, line] : lines) {
    if (name == "all") continue;
    auto own = whole;
    own.replace_filename(whole.stem().string() + "." + name + whole.extension().string());
    files.push_back({own.string(), bench::percentile_log(line.times)});
  }
  return files;
}

}  // namespace kv::cli
