// Every state of a few small clusters. Usage: raft_small_scope [ELECTIONS RECORDS CRASHES SLOW
// STATES [NODES]]; without arguments the scopes that are small enough for a test. A search that
// STATES cut short proves nothing, and fails. Built with bugs to be
// planted it hunts for those that need no clock instead, each in a scope that is large enough.

#include "sim/small_scope.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "raft/planted.h"

namespace {

using kv::sim::Findings;
using kv::sim::Scope;

#ifdef KV_PLANTED_BUGS
struct Hunt {
  kv::raft::Bug bug;
  const char* name;
  Scope scope;
};

// Whether all were found.
bool hunt_bugs() {
  using kv::raft::Bug;
  const Hunt hunts[] = {
      {Bug::kVoteClearedInTerm, "vote-cleared-in-term", {.elections = 2, .records = 0}},
      {Bug::kVoteNotPersisted,
       "vote-not-persisted",
       {.elections = 2, .records = 0, .crashes = 1, .has_slow_disks = true}},
  };
  bool is_ok = true;
  for (const Hunt& hunt : hunts) {
    kv::raft::plant(hunt.bug);
    const Findings findings = kv::sim::search(hunt.scope);
    fmt::print("| {} | {} states | {} steps | {} |\n", hunt.name, findings.states,
               findings.steps.size(), findings.problem.value_or("nothing"));
    std::fflush(stdout);
    is_ok = is_ok && findings.problem;
  }
  return is_ok;
}
#endif

bool is_sound(const Scope& scope) {
  const Findings findings = kv::sim::search(scope);
  fmt::print(
      "{} nodes, {} elections, {} records, {} crashes, {} disks: {} states, {} steps deep{}\n",
      scope.nodes, scope.elections, scope.records, scope.crashes,
      scope.has_slow_disks ? "slow" : "instant", findings.states, findings.depth,
      findings.is_complete ? ", all of them" : "");
  if (!findings.problem && !findings.is_complete) fmt::print("  cut short: this proves nothing\n");
  if (!findings.problem) return findings.is_complete;
  fmt::print("{}\n", *findings.problem);
  for (const std::string& step : findings.steps) fmt::print("  {}\n", step);
  return false;
}

std::size_t number(const char* text) { return std::strtoull(text, nullptr, 10); }

}  // namespace

int main(int count, char** arguments) {
  std::vector<Scope> scopes = {
      {.elections = 1, .records = 0, .crashes = 1, .has_slow_disks = true},
      {.elections = 1, .records = 0, .crashes = 2},
      {.nodes = 2, .elections = 3, .records = 1, .crashes = 1},
      {.nodes = 2, .elections = 2, .records = 1, .crashes = 2, .has_slow_disks = true},
  };
  if (count == 6 || count == 7) {
    scopes = {{.nodes = count == 7 ? number(arguments[6]) : 3,
               .elections = number(arguments[1]),
               .records = number(arguments[2]),
               .crashes = number(arguments[3]),
               .has_slow_disks = number(arguments[4]) != 0,
               .states_max = number(arguments[5])}};
  }
#ifdef KV_PLANTED_BUGS
  return hunt_bugs() ? 0 : 1;
#endif
  bool is_ok = true;
  for (const Scope& scope : scopes) is_ok = is_sound(scope) && is_ok;
  return is_ok ? 0 : 1;
}
