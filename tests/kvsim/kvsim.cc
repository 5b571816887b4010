// kvsim: replicas and stores as they ship, on simulated networks, clocks and disks, one seed after
// the other.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "engine/planted.h"
#include "kvsim/cluster.h"

namespace {

using kv::kvsim::Cluster;
using kv::kvsim::draw_options;
using kv::kvsim::Outcome;

// What a failed check leaves behind: the seed, even though the process ends.
char last_words[96];
std::size_t last_words_size = 0;

extern "C" void on_abort(int) {
  (void)!::write(STDERR_FILENO, last_words,
                 last_words_size);  // nothing is left to be done about it
  std::_Exit(3);
}

bool run_seed(std::uint64_t seed, bool is_twice, Outcome& total) {
  const std::string words = fmt::format("a check failed; replay: kvsim --seed {}\n", seed);
  last_words_size = words.copy(last_words, sizeof last_words);
  const auto options = draw_options(seed);
  Outcome outcome = Cluster(options).run();
  if (!outcome.problem && is_twice && Cluster(options).run().hash != outcome.hash) {
    outcome.problem = "two runs of this seed differ";
  }
  total.writes += outcome.writes;
  total.reads += outcome.reads;
  total.crashes += outcome.crashes;
  total.roll_backs += outcome.roll_backs;
  total.changes += outcome.changes;
  total.wiped += outcome.wiped;
  total.leased_reads += outcome.leased_reads;
  total.local_writes += outcome.local_writes;
  total.replacements += outcome.replacements;
  for (const auto& [death, times] : outcome.deaths) total.deaths[death] += times;
  if (!outcome.problem) return true;
  fmt::print("seed {}: {}\n  world: {}\n  replay: kvsim --seed {}\n", seed, *outcome.problem,
             describe(options), seed);
  std::fflush(stdout);
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t twice_percent = 2;
  bool is_fresh = false;
  CLI::App app("Replicated stores on simulated networks, clocks and disks");
  app.add_option("--seed", seed, "The first seed")->capture_default_str();
  app.add_option("--seeds", seeds, "How many")->capture_default_str();
  app.add_flag("--fresh", is_fresh, "Begin with a seed that nobody had");
  app.add_option("--twice-percent", twice_percent, "Of the seeds: run twice and compare")
      ->capture_default_str();
  bool is_verbose = false;
  app.add_flag("--verbose", is_verbose, "Tell what was under way when the power went");
#ifdef KV_PLANTED_BUGS
  std::string planted;
  app.add_option("--planted", planted, "A mistake of the engine's, by its name")->required();
#endif
  CLI11_PARSE(app, count, arguments);
#ifdef KV_PLANTED_BUGS
  for (const kv::engine::BugName& bug : kv::engine::all_bugs()) {
    if (planted == bug.name) kv::engine::plant(bug.bug);
  }
#endif
  std::signal(SIGABRT, on_abort);
  if (is_fresh) seed = std::random_device()();
  Outcome total;
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    if (!run_seed(seed + i, (seed + i) % 100 < twice_percent, total)) ++failed;
  }
  std::uint64_t deaths = 0;
  for (const auto& [death, times] : total.deaths) deaths += times;
  fmt::print(
      "{} seeds from {}: {} failed; {} writes ({} local), {} reads ({} by a lease), {} crashes "
      "between two "
      "events, {} within one, {} roll-backs, {} states replaced, {} changes of members, {} disks "
      "wiped\n",
      seeds, seed, failed, total.writes, total.local_writes, total.reads, total.leased_reads,
      total.crashes, deaths, total.roll_backs, total.replacements, total.changes, total.wiped);
  if (is_verbose) {
    for (const auto& [death, times] : total.deaths) fmt::print("{:7} {}\n", times, death);
  }
  return failed == 0 ? 0 : 1;
}
