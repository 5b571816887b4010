// kvsim: replicas and stores as they ship, on simulated networks, clocks and disks, one seed after
// the other.

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "engine/planted.h"
#include "kvsim/cluster.h"

namespace {

using kv::kvsim::Cluster;
using kv::kvsim::draw_options;
using kv::kvsim::Options;
using kv::kvsim::Outcome;

// What a failed check or a crash leaves behind: the seed, even though the process ends.
thread_local char last_words[256];
thread_local std::size_t last_words_size = 0;

extern "C" void on_death(int) {
  (void)!::write(STDERR_FILENO, last_words,
                 last_words_size);  // nothing is left to be done about it
  std::_Exit(3);
}

// Memory for on_death where the thread's own stack has run out.
class DeathWatch {
 public:
  DeathWatch() {
    const stack_t stack{.ss_sp = stack_.data(), .ss_flags = 0, .ss_size = stack_.size()};
    ::sigaltstack(&stack, nullptr);
  }
  ~DeathWatch() {
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&none, nullptr);
  }
  DeathWatch(const DeathWatch&) = delete;
  DeathWatch& operator=(const DeathWatch&) = delete;

  // Whoever has a handler already, a sanitizer, keeps it: its report of a crash says more.
  static void install() {
    struct sigaction action {};
    action.sa_handler = on_death;
    action.sa_flags = SA_ONSTACK;
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
      struct sigaction before {};
      ::sigaction(signal, nullptr, &before);
      if (before.sa_handler == SIG_DFL) ::sigaction(signal, &action, nullptr);
    }
  }

 private:
  std::vector<char> stack_ = std::vector<char>(std::size_t{64} << 10);
};

// Of all that ran.
struct Total {
  std::mutex mutex;
  Outcome sum;
  std::atomic<std::uint64_t> failed = 0;
  std::string replay = "kvsim";  // the command, without the seed

  void add(std::uint64_t seed, const Outcome& outcome, const std::string& world) {
    const std::lock_guard lock(mutex);
    sum.writes += outcome.writes;
    sum.reads += outcome.reads;
    sum.crashes += outcome.crashes;
    sum.roll_backs += outcome.roll_backs;
    sum.changes += outcome.changes;
    sum.wiped += outcome.wiped;
    sum.leased_reads += outcome.leased_reads;
    sum.local_writes += outcome.local_writes;
    sum.lost_local_writes += outcome.lost_local_writes;
    sum.partitions += outcome.partitions;
    sum.stalls += outcome.stalls;
    sum.left_out += outcome.left_out;
    sum.damaged += outcome.damaged;
    sum.repeats += outcome.repeats;
    sum.comparisons += outcome.comparisons;
    sum.replacements += outcome.replacements;
    sum.rotten += outcome.rotten;
    sum.put_back += outcome.put_back;
    for (const auto& [death, times] : outcome.deaths) sum.deaths[death] += times;
    if (!outcome.problem) return;
    failed += 1;
    fmt::print("seed {}: {}\n  world: {}\n  replay: {} --seed {}\n", seed, *outcome.problem, world,
               replay, seed);
    std::fflush(stdout);
  }

  void print(std::uint64_t first, std::uint64_t seeds, bool is_verbose) const {
    std::uint64_t deaths = 0;
    for (const auto& [death, times] : sum.deaths) deaths += times;
    fmt::print(
        "{} seeds from {}: {} failed; {} writes ({} local, {} of them lost, {} repeated), {} reads "
        "({} by a lease), {} crashes between two events, {} within one, {} partitions, {} stalls, "
        "{} "
        "roll-backs, {} states compared, {} replaced, {} changes of members, {} disks wiped, {} "
        "logs damaged, {} records rotten, {} put back, {} machines left out in the end\n",
        seeds, first, failed.load(), sum.writes, sum.local_writes, sum.lost_local_writes,
        sum.repeats, sum.reads, sum.leased_reads, sum.crashes, deaths, sum.partitions, sum.stalls,
        sum.roll_backs, sum.comparisons, sum.replacements, sum.changes, sum.wiped, sum.damaged,
        sum.rotten, sum.put_back, sum.left_out);
    if (!is_verbose) return;
    for (const auto& [death, times] : sum.deaths) fmt::print("{:7} {}\n", times, death);
  }
};

// From which event on, and what either did then, as far as two more runs of each show it.
std::string tell_difference(const Options& options, const Outcome& one, const Outcome& other) {
  const auto parting = std::ranges::mismatch(one.trace, other.trace).in1 - one.trace.begin();
  const auto event = static_cast<std::size_t>(parting);
  std::string text = fmt::format("two runs of this seed differ from event {} of {} and {} on",
                                 event, one.trace.size() - 1, other.trace.size() - 1);
  const auto lines = Cluster(options, event).run().lines;
  const auto other_lines = Cluster(options, event).run().lines;
  const auto first = std::ranges::mismatch(lines, other_lines).in1 - lines.begin();
  constexpr std::ptrdiff_t kAround = 3;
  const auto tell = [&](const std::vector<std::string>& told) {
    const auto end = std::min(std::ssize(told), first + kAround);
    for (auto i = std::max<std::ptrdiff_t>(first - kAround, 0); i < end; ++i) {
      text += "\n    " + told[static_cast<std::size_t>(i)];
    }
  };
  text += "\n  one more run of it has";
  tell(lines);
  text += "\n  and another";
  tell(other_lines);
  return text;
}

void run_seed(const Options& options, bool is_twice, Total& total) {
  const std::uint64_t seed = options.seed;
  const std::string words =
      fmt::format("the process died; replay: {} --seed {}\n", total.replay, seed);
  last_words_size = words.copy(last_words, sizeof last_words);
  Outcome outcome = Cluster(options).run();
  if (!outcome.problem && is_twice) {
    const Outcome other = Cluster(options).run();
    if (other.trace != outcome.trace) outcome.problem = tell_difference(options, outcome, other);
  }
  total.add(seed, outcome, describe(options));
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
  std::vector<std::string> without;
  app.add_option("--without", without, "Leave that out of the worlds")
      ->delimiter(',')
      ->check(CLI::IsMember(kv::kvsim::parts()));
  std::uint64_t jobs = 1;
  app.add_option("--jobs", jobs, "How many at once")->capture_default_str();
  bool is_enough = false;
  app.add_flag("--first", is_enough, "End with the first seed that fails");
  bool is_verbose = false;
  app.add_flag("--verbose", is_verbose, "Tell what was under way when the power went");
#ifdef KV_PLANTED_BUGS
  std::string planted;
  app.add_option(
         "--planted", planted,
         "A mistake of the engine's, by its name; list: those that a store alone does not show")
      ->required();
#endif
  CLI11_PARSE(app, count, arguments);
#ifdef KV_PLANTED_BUGS
  for (const kv::engine::BugName& bug : kv::engine::all_bugs()) {
    if (planted == "list" && is_a_clusters(bug.bug)) fmt::print("{}\n", bug.name);
    if (planted == bug.name) kv::engine::plant(bug.bug);
  }
  if (planted == "list") return 0;
#endif
  DeathWatch::install();
  if (is_fresh) seed = std::random_device()();
  Total runs;
#ifdef KV_PLANTED_BUGS
  runs.replay = "kvsim_planted --planted " + planted;
#endif
  if (!without.empty()) runs.replay += fmt::format(" --without {}", fmt::join(without, ","));
  std::atomic<std::uint64_t> begun = 0;
  const auto run_some = [&] {
    const DeathWatch watch;
    for (std::uint64_t i = begun++; i < seeds && !(is_enough && runs.failed > 0); i = begun++) {
      Options options = draw_options(seed + i);
      for (const std::string& what : without) leave_out(what, options);
      run_seed(options, options.seed % 100 < twice_percent, runs);
    }
  };
  std::vector<std::jthread> others;
  for (std::uint64_t i = 1; i < jobs; ++i) others.emplace_back(run_some);
  run_some();
  others.clear();
  runs.print(seed, seeds, is_verbose);
  return runs.failed == 0 ? 0 : 1;
}
