// Every planted bug is found, and without one nothing is. Usage: planted_test [BUG...]; prints what
// found each. Each bug gets a process of its own: a store with a bug may also stop by itself.

#include "engine/planted.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "torture/explorer.h"
#include "torture/random_life.h"
#include "torture/rot.h"

namespace {

using kv::engine::all_bugs;
using kv::engine::BugName;
using kv::torture::Explorer;
using kv::torture::Finding;

constexpr std::uint64_t kSeedsMax = 150;
// Of the operations whose next start is cut off, too.
constexpr std::uint64_t kStride = 47;
constexpr std::uint64_t kRotStride = 7;
constexpr int kFound = 10;

std::optional<Finding> live_by_seeds(std::uint64_t& tried) {
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    std::uint64_t operations = 0;
    ++tried;
    if (auto finding = kv::torture::live_by_seed(seed, operations)) return finding;
  }
  return std::nullopt;
}

// Scripts first, as they say most exactly where; then seeds, then rot.
std::optional<Finding> explore(std::string& effort) {
  std::uint64_t starts = 0;
  for (const auto& script : kv::torture::scripts()) {
    Explorer explorer(script, {});
    auto finding = explorer.cut_everywhere();
    starts += explorer.starts();
    effort = fmt::format("script {}, {} starts", script.name, starts);
    if (finding) return finding;
  }
  std::uint64_t seeds = 0;
  auto finding = live_by_seeds(seeds);
  effort = fmt::format("{} seeds", seeds);
  if (finding) return finding;
  std::uint64_t tried = 0;
  finding = kv::torture::explore_rot(kRotStride, &tried);
  effort = fmt::format("{} states of rot", tried);
  if (finding) return finding;
  for (const auto& script : kv::torture::scripts()) {
    Explorer::Settings settings;
    // Short enough for every operation and much luck.
    const bool is_short = script.name == "rewrite";
    settings.stride = is_short ? 1 : kStride;
    settings.random_variants = is_short ? 8 : 1;
    Explorer explorer(script, settings);
    finding = explorer.cut_starts_everywhere();
    starts += explorer.starts();
    effort = fmt::format("script {}, start cut off, too, {} starts", script.name, starts);
    if (finding) return finding;
  }
  effort = "everything";
  return std::nullopt;
}

// In a child: prints a line of the table; its exit code says whether something was found.
int hunt(const BugName* bug) {
  if (bug != nullptr) kv::engine::plant(bug->bug);
  std::string effort;
  const auto finding = explore(effort);
  const std::string problem = finding ? finding->problem : "nothing";
  fmt::print("| {} | {} | {} |\n", bug != nullptr ? bug->name : "(none)", effort, problem);
  if (finding && (bug == nullptr || std::getenv("KV_VERBOSE") != nullptr)) {
    fmt::print("{}\n", describe(*finding));
  }
  std::fflush(stdout);
  return finding ? kFound : 0;
}

bool is_found(const BugName* bug) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(hunt(bug));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    fmt::print("| {} | | the store stopped itself (signal {}) |\n",
               bug != nullptr ? bug->name : "(none)", WTERMSIG(status));
    return true;
  }
  return WEXITSTATUS(status) != 0;
}

bool is_named(const BugName& bug, int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], bug.name) == 0) return true;
  }
  return count == 1;
}

}  // namespace

int main(int count, char** arguments) {
  int missed = 0;
  fmt::print("| planted | found by | as |\n| --- | --- | --- |\n");
  for (const BugName& bug : all_bugs()) {
    if (kv::engine::is_a_clusters(bug.bug) || !is_named(bug, count, arguments)) continue;
    if (!is_found(&bug)) ++missed;
  }
  const bool is_sound = count > 1 || !is_found(nullptr);
  if (missed > 0) fmt::print("{} planted bugs were not found\n", missed);
  if (!is_sound) fmt::print("something was found where nothing was planted\n");
  return missed == 0 && is_sound ? 0 : 1;
}
