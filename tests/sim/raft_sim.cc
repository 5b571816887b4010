// raft_sim: the raft core on a simulated network, clock and disk, one seed after the other.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "raft/planted.h"
#include "sim/simulation.h"

namespace {

using kv::sim::draw_options;
using kv::sim::Options;
using kv::sim::Outcome;
using kv::sim::Simulation;

struct Flags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  bool is_fresh = false;
  bool has_trace = false;
  std::string kind = "any";
  std::uint64_t twice_percent = 2;
};

// What a failed check of the core leaves behind: the seed, even though the process ends.
char last_words[128];
std::size_t last_words_size = 0;

extern "C" void on_abort(int) {
  (void)!::write(STDERR_FILENO, last_words,
                 last_words_size);  // nothing is left to be done about it
  std::_Exit(3);
}

std::string replay(const Flags& flags, std::uint64_t seed) {
  return fmt::format("raft_sim --kind {} --seed {} --trace", flags.kind, seed);
}

void remember(const std::string& command) {
  const std::string words = fmt::format("a check of the core failed; replay: {}\n", command);
  last_words_size = words.copy(last_words, sizeof last_words);
}

void report(const Options& options, const Outcome& outcome, const std::string& command) {
  for (const std::string& line : outcome.lines) fmt::print("{}\n", line);
  if (!outcome.problem) return;
  fmt::print("seed {}: {}\n  world: {}\n  replay: {}\n", options.seed, *outcome.problem,
             describe(options), command);
}

// Whether all is well.
bool run_seed(const Flags& flags, std::uint64_t seed, Outcome& total) {
  const std::string command = replay(flags, seed);
  remember(command);
  const Options options = draw_options(seed, kv::sim::kind_named(flags.kind).value());
  const std::size_t lines = flags.has_trace ? 100'000 : 0;
  Outcome outcome = Simulation(options, lines).run();
  if (!outcome.problem && seed % 100 < flags.twice_percent &&
      Simulation(options).run().hash != outcome.hash) {
    outcome.problem = "two runs of this seed differ";
  }
  report(options, outcome, command);
  total.events += outcome.events;
  total.writes += outcome.writes;
  total.reads += outcome.reads;
  total.terms += outcome.terms;
  if (flags.seeds == 1) total.hash = outcome.hash;
  return !outcome.problem;
}

int run(const Flags& flags) {
  std::uint64_t seed = flags.seed;
  if (flags.is_fresh) seed = std::random_device()();
  Outcome total;
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < flags.seeds; ++i) {
    if (!run_seed(flags, seed + i, total)) ++failed;
  }
  fmt::print("{} seeds from {}: {} failed; {} events, {} writes, {} reads, {} terms\n", flags.seeds,
             seed, failed, total.events, total.writes, total.reads, total.terms);
  if (flags.seeds == 1) fmt::print("hash {:016x}\n", total.hash);
  return failed == 0 ? 0 : 1;
}

#ifdef KV_PLANTED_BUGS
void plant(const std::string& name) {
  for (const kv::raft::BugName& bug : kv::raft::all_bugs()) {
    if (name == bug.name) return kv::raft::plant(bug.bug);
  }
  throw CLI::ValidationError("--plant", "no such bug");
}
#endif

}  // namespace

int main(int count, char** arguments) {
  Flags flags;
  CLI::App app("The raft core on a simulated network, clock and disk");
  app.add_option("--seed", flags.seed, "The first seed")->capture_default_str();
  app.add_option("--seeds", flags.seeds, "How many")->capture_default_str();
  app.add_flag("--fresh", flags.is_fresh, "Begin with a seed that nobody had");
  app.add_flag("--trace", flags.has_trace, "Print what happens");
  app.add_option("--twice-percent", flags.twice_percent, "Of the seeds: run twice and compare")
      ->capture_default_str();
  app.add_option("--kind", flags.kind, "The kind of world: any, storm, turmoil, quiet, rivals, ...")
      ->check([](const std::string& name) {
        return kv::sim::kind_named(name) ? std::string() : "no such kind of world";
      });
#ifdef KV_PLANTED_BUGS
  app.add_option_function<std::string>("--plant", plant, "The mistake that the core makes");
#endif
  CLI11_PARSE(app, count, arguments);
  std::signal(SIGABRT, on_abort);
  return run(flags);
}
