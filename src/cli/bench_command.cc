// kv bench: load on a server, native or RESP, and how long its answers take.

#include <csignal>
#include <fstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/driver.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/leader_finder.h"
#include "cli/progress.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

constexpr std::string_view kFooter =
    "Workloads of YCSB: a reads and updates half and half, b reads 95 %, c only reads, d reads\n"
    "what was inserted last and inserts 5 %, e scans 1 to 100 keys and inserts 5 %, f reads half\n"
    "and reads, changes and writes back half.\n"
    "The keys are bench:0000000000 and so on; what a server holds besides is left alone. Every\n"
    "value that is read is held against its key; a wrong one ends the command with exit code 6.\n"
    "\n"
    "kv bench                                       workload b, 10 s, 50 clients\n"
    "kv bench --workload a --rate 20000             how long requests take at 20 000 a second\n"
    "kv bench --mix read=80,insert=20 --value-size 64-1024 --pipeline 16\n"
    "kv bench --addr a:7400,b:7400,c:7400           on the one of a cluster that leads\n"
    "kv bench --proto resp --addr 127.0.0.1:6379    the same load on Redis\n"
    "kv bench --ops 100000 --json --hdr run.hgrm    for a script, and for HdrHistogram's plotter";

struct BenchFlags {
  bench::DriverOptions driver;
  bench::RunOptions run;
  std::string workload = "b";
  std::string mix;
  std::string distribution;
  std::string value_size = "100";
  std::string protocol = "native";
  std::string sync;
  std::string duration = "10s";
  std::string warmup;
  std::string hdr;
  bool is_load_only = false;
  bool has_no_load = false;
};

// What the flags come to, once they are known to fit together.
struct BenchPlan {
  bench::Workload workload;
  bench::ValueSizes sizes;
};

volatile std::sig_atomic_t was_interrupted = 0;

// The first Ctrl-C ends the run with what it has measured so far, a second one the process.
void end_run_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { was_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
}

tl::unexpected<Error> wrong(std::string text) {
  return tl::unexpected(Error{Errc::kInvalidArgument, std::move(text), {}});
}

Result<bench::Workload> workload_of(const BenchFlags& flags) {
  auto workload = bench::ycsb(flags.workload.front());
  if (!flags.mix.empty()) {
    const auto mix = bench::Mix::parse(flags.mix);
    if (!mix) return wrong("--mix: " + mix.error().context);
    workload = bench::Workload{*mix, bench::Distribution::kUniform};
  }
  if (!flags.distribution.empty()) {
    workload->distribution = *bench::parse_distribution(flags.distribution);
  }
  return *workload;
}

Result<BenchPlan> plan_of(const Common& common, BenchFlags& flags) {
  bench::DriverOptions& driver = flags.driver;
  auto workload = workload_of(flags);
  if (!workload) return tl::unexpected(std::move(workload).error());
  auto sizes = bench::ValueSizes::parse(flags.value_size);
  if (!sizes) return wrong("--value-size: " + sizes.error().context);
  driver.timeout = common.timeout();
  if (driver.clients < driver.threads) return wrong("--threads: every thread needs a client");
  if (flags.protocol == "resp") {
    driver.protocol = bench::Protocol::kResp;
    if (common.has_several_addresses()) return wrong("--addr: --proto resp takes one server");
    if (!flags.sync.empty()) return wrong("--sync: only the native protocol can ask for it");
    if (workload->mix.has(bench::Operation::kScan)) {
      return wrong("RESP has no scans in the order of the keys; they need --proto native");
    }
  }
  if (flags.sync == "none") driver.sync = Sync::kNone;
  if (flags.sync == "interval") driver.sync = Sync::kInterval;
  if (flags.sync == "disk") driver.sync = Sync::kDisk;
  flags.run.duration = *parse_duration(flags.duration);
  // A run of so many operations is exact, and warms up only if asked.
  const bool has_default = flags.warmup.empty();
  if (has_default && flags.run.operations > 0) flags.run.warmup = std::chrono::milliseconds(0);
  if (!has_default && flags.warmup != "0") flags.run.warmup = *parse_duration(flags.warmup);
  if (flags.warmup == "0") flags.run.warmup = std::chrono::milliseconds(0);
  return BenchPlan{*workload, std::move(*sizes)};
}

// One benchmark, from the loading to the report.
class Bench {
 public:
  Bench(const Common& common, const BenchFlags& flags, const BenchPlan& plan, bench::Driver& driver)
      : common_(common), flags_(flags), plan_(plan), driver_(driver) {}

  int run() {
    if (const int code = load_if_missing(); code != kExitOk) return code;
    if (flags_.is_load_only) {
      if (common_.is_json) say(nlohmann::ordered_json{{"loaded", loaded_}}.dump() + "\n");
      return kExitOk;
    }
    const auto result = measure();
    report(result);
    const int failed = result.failure ? fail(*result.failure) : kExitOk;
    if (!write_percentiles(result)) return kExitServerError;
    const int code = exit_code(result.tally);
    return failed == kExitOk || code == kExitIntegrity ? code : failed;
  }

 private:
  int load_if_missing() {
    if (flags_.has_no_load) return kExitOk;
    if (!flags_.is_load_only) {
      const auto is_loaded = driver_.is_loaded();
      if (!is_loaded) return fail(is_loaded.error());
      if (*is_loaded) return kExitOk;
    }
    Progress line(common_.is_quiet || common_.is_json);
    const std::uint32_t keys = flags_.driver.keys;
    const auto result = driver_.load(flags_.run, [&](const bench::RunProgress& progress) {
      line.show(progress.answered, progress.bytes_sent,
                static_cast<double>(progress.answered) / keys);
      return was_interrupted == 0;
    });
    line.clear();
    if (!result) return fail(result.error());
    if (was_interrupted != 0) return kExitInterrupted;
    if (const auto refused = result->tally.total().errors(); refused > 0) {
      return fail({Errc::kServer,
                   fmt::format("{} of {} could not be written: {}", human_count(refused),
                               counted(keys, "key"), first_problem(result->tally)),
                   {}});
    }
    loaded_ = keys;
    if (!common_.is_quiet && !common_.is_json) {
      say(fmt::format("loaded {} in {:.1f} s\n", counted(keys, "key"), result->seconds));
      std::fflush(stdout);  // the run behind it takes its time
    }
    return kExitOk;
  }

  // A line each second on a terminal.
  bench::RunResult measure() {
    const bool is_shown = !common_.is_quiet && !common_.is_json && stderr_is_terminal();
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    auto last = start;
    std::uint64_t before = 0;
    auto result = driver_.run(plan_.workload, flags_.run, [&](const bench::RunProgress& now) {
      const std::chrono::duration<double> passed = Clock::now() - last;
      if (!is_shown || passed.count() < 1) return was_interrupted == 0;
      last = Clock::now();
      const double rate = static_cast<double>(now.answered - before) / passed.count();
      before = now.answered;
      const std::chrono::duration<double> since = last - start;
      fmt::print(stderr, "\r{:.0f} s  {}  {} op/s\x1b[K", since.count(),
                 last - start < flags_.run.warmup ? "warming up" : "measuring",
                 human_count(static_cast<std::uint64_t>(rate)));
      return was_interrupted == 0;
    });
    if (is_shown) fmt::print(stderr, "\r\x1b[K");
    return result;
  }

  static std::string first_problem(const bench::Tally& tally) {
    return tally.first_wrong.empty() ? tally.first_refusal : tally.first_wrong;
  }

  void report(const bench::RunResult& result) const {
    const bench::Tally& tally = result.tally;
    const std::uint64_t errors = tally.total().errors();
    if (common_.is_json) {
      nlohmann::ordered_json out = json_of_flags();
      out.update(bench_json(result));
      if (errors > 0) out["first_error"] = first_problem(tally);
      say(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    } else {
      if (!common_.is_quiet) say(text_of_flags());
      say(bench_text(result));
    }
    if (tally.unsent > 0 && !common_.is_json) {
      complain(fmt::format("the server was behind the rate at the end: {} never sent",
                           counted(tally.unsent, "due request")));
    }
    if (errors > 0) {
      complain(fmt::format("{}, the first: {}", counted(errors, "error"), first_problem(tally)));
    }
  }

  std::string text_of_flags() const {
    const bench::DriverOptions& driver = flags_.driver;
    std::string out = fmt::format(
        "{}  {}  {} of {} B  values {} B  {}  pipeline {}  {}",
        flags_.mix.empty() ? "workload " + flags_.workload : flags_.mix,
        name_of(plan_.workload.distribution), counted(driver.keys, "key"), driver.key_size,
        flags_.value_size, counted(driver.clients, "client"), flags_.run.pipeline, flags_.protocol);
    if (flags_.run.rate > 0) out += fmt::format("  rate {:g}/s", flags_.run.rate);
    return out + "\n";
  }

  nlohmann::ordered_json json_of_flags() const {
    const bench::DriverOptions& driver = flags_.driver;
    nlohmann::ordered_json out;
    if (flags_.mix.empty()) out["workload"] = flags_.workload;
    if (!flags_.mix.empty()) out["mix"] = flags_.mix;
    out["distribution"] = name_of(plan_.workload.distribution);
    out["protocol"] = flags_.protocol;
    out["keys"] = driver.keys;
    out["key_size"] = driver.key_size;
    out["value_size"] = flags_.value_size;
    out["clients"] = driver.clients;
    out["pipeline"] = flags_.run.pipeline;
    out["threads"] = driver.threads;
    out["rate"] = flags_.run.rate;
    out["seed"] = driver.seed;
    out["loaded"] = loaded_;
    return out;
  }

  bool write_percentiles(const bench::RunResult& result) const {
    if (flags_.hdr.empty()) return true;
    for (const PercentileFile& file : percentile_files(flags_.hdr, result)) {
      std::ofstream out(file.path, std::ios::binary);
      out << file.text;
      out.close();
      if (!out) {
        complain("cannot write " + file.path);
        return false;
      }
    }
    return true;
  }

  int exit_code(const bench::Tally& tally) const {
    if (was_interrupted != 0) return kExitInterrupted;
    return bench_exit_code(tally,
                           flags_.has_no_load ? BenchKeys::kMayBeMissing : BenchKeys::kThere);
  }

  const Common& common_;
  const BenchFlags& flags_;
  const BenchPlan& plan_;
  bench::Driver& driver_;
  std::uint32_t loaded_ = 0;
};

int run_bench(const Common& common, BenchFlags flags) {
  const auto plan = plan_of(common, flags);
  if (!plan) {
    complain(plan.error().context + "; see `kv help bench`");
    return kExitUsage;
  }
  if (!flags.hdr.empty() && !std::ofstream(flags.hdr, std::ios::app)) {
    complain("--hdr: cannot write " + flags.hdr);
    return kExitUsage;
  }
  flags.driver.address = common.address;
  if (flags.driver.protocol == bench::Protocol::kNative) {
    const auto found = find_server(common, flags.driver);
    if (!found) return fail_to_connect(found.error());
  }
  const auto driver = bench::Driver::connect(flags.driver, plan->sizes);
  if (!driver) return fail_to_connect(driver.error());
  end_run_on_interrupt();
  return Bench(common, flags, *plan, **driver).run();
}

std::string duration_problem(const std::string& text) {
  return parse_duration(text) ? "" : text + " is no duration such as 10s or 500ms";
}

std::string warmup_problem(const std::string& text) {
  return text == "0" ? "" : duration_problem(text);
}

void add_what(CLI::App& command, BenchFlags& flags) {
  CLI::Option* workload = command.add_option("--workload", flags.workload, "a workload of YCSB")
                              ->check(CLI::IsMember({"a", "b", "c", "d", "e", "f"}))
                              ->capture_default_str();
  command
      .add_option("--mix", flags.mix,
                  "shares of operations in its place, as read=50,update=50; there are also "
                  "insert, scan and rmw (read, change, write back)")
      ->excludes(workload);
  command
      .add_option("--distribution", flags.distribution,
                  "which keys: uniform, zipfian (few most of the time) or latest (those that were "
                  "inserted last); the workload's own, or uniform with --mix")
      ->check(CLI::IsMember({"uniform", "zipfian", "latest"}));
  command.add_option("--keys", flags.driver.keys, "how many keys there are")
      ->check(CLI::Range(1u, bench::DriverOptions::kKeysMax))
      ->capture_default_str();
  command.add_option("--key-size", flags.driver.key_size, "bytes")
      ->check(CLI::Range(bench::KeyNames::kSizeMin, bench::KeyNames::kSizeMax))
      ->capture_default_str();
  command
      .add_option("--value-size", flags.value_size,
                  fmt::format("bytes: {}", bench::ValueSizes::kSyntax))
      ->capture_default_str();
  command.add_option("--seed", flags.driver.seed, "the same seed, the same requests")
      ->capture_default_str();
  CLI::Option* load_only =
      command.add_flag("--load-only", flags.is_load_only, "write all keys, and measure nothing");
  command.add_flag("--no-load", flags.has_no_load, "do not look whether the keys are there")
      ->excludes(load_only);
}

void add_how(CLI::App& command, BenchFlags& flags) {
  command.add_option("--proto", flags.protocol, "native, or resp as Redis speaks it")
      ->check(CLI::IsMember({"native", "resp"}))
      ->capture_default_str();
  command
      .add_option(
          "--sync", flags.sync,
          "when writes are answered: none, interval or disk; never weaker than the server's "
          "setting, which is the default")
      ->check(CLI::IsMember({"none", "interval", "disk"}));
  command.add_option("--clients", flags.driver.clients, "connections")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      .add_option("--pipeline", flags.run.pipeline,
                  "requests that a connection sends before it waits for the answers")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_option("--threads", flags.driver.threads, "threads that drive the connections")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--rate", flags.run.rate,
                  "requests a second that fall due, whatever the server does; their times count "
                  "from then on. Without it each connection waits for its answers")
      ->check(CLI::PositiveNumber);
  CLI::Option* duration =
      command.add_option("--duration", flags.duration, "how long is measured, as 10s or 1m")
          ->check(duration_problem)
          ->capture_default_str();
  command.add_option("--ops", flags.run.operations, "measure so many operations instead")
      ->check(at_least_one)
      ->excludes(duration);
  command
      .add_option("--warmup", flags.warmup, "how long the load runs before; 2s, or 0 with --ops")
      ->check(warmup_problem);
  command.add_option("--hdr", flags.hdr,
                     "file for the percentile distribution (.hgrm, milliseconds) that "
                     "HdrHistogram's plotter reads; where there are several operations, one more "
                     "for each");
}

}  // namespace

void add_bench(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "put load on a server and measure it");
  command->footer(std::string(kFooter));
  add_what(*command, *flags);
  add_how(*command, *flags);
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_bench(common, *flags); }; });
}

}  // namespace kv::cli
