#include "tests/linearizability/version_check.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "tests/linearizability/time_bounds.h"
#include "tests/linearizability/word.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

class VersionCheck {
 public:
  explicit VersionCheck(const std::vector<Part>& parts) : parts_(parts), bounds_(parts) {}

  std::optional<Clash> run() {
    collect_writes();
    if (auto clash = bounds_.first_clash()) {
      return Clash{"the first returned before the second was called, but its version is later",
                   {clash->first, clash->second}};
    }
    for (std::size_t i = 0; i < parts_.size() && !clash_; ++i) check(i);
    if (!clash_) check_sources();
    return clash_;
  }

 private:
  struct Source {
    std::size_t count = 0;
    std::uint64_t first_call_ns = Operation::kNever;
  };

  void collect_writes() {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Part& part = parts_[i];
      if (part.is_write_done() && part.version) {
        const auto [same, is_new] = writes_.try_emplace(*part.version, i);
        if (!is_new) found("two writes have the same version", {same->second, i});
      } else if (part.is_unknown() || part.is_write_done()) {
        // Its version is not known, or it may not have been done.
        has_loose_delete_ |= part.kind == Kind::kDelete;
        has_loose_write_ = true;
        if (part.kind != Kind::kPut) continue;
        for (Source* source : {&sources_[part.value], &any_source_}) {
          ++source->count;
          source->first_call_ns = std::min(source->first_call_ns, part.call_ns);
        }
      }
    }
  }

  void check(std::size_t i) {
    const Part& part = parts_[i];
    if (part.outcome == Outcome::kNotFound) return check_absent(i);
    if (part.is_unknown() || !part.version || *part.version == 0) return;
    if (part.is_write_done()) return check_condition(i);
    const auto write = writes_.find(*part.version);
    if (write != writes_.end()) {
      const Part& writer = parts_[write->second];
      if (writer.kind == Kind::kDelete) {
        found("the second found a value with the version of a delete", {write->second, i});
      } else if (part.kind == Kind::kGet && writer.value != part.value) {
        found("the second read another value than was written with that version",
              {write->second, i});
      }
      return;
    }
    check_loose_read(i);
  }

  // What was found was written by an operation whose version is not known.
  void check_loose_read(std::size_t i) {
    const Part& part = parts_[i];
    const bool is_get = part.kind == Kind::kGet;
    const Source source = is_get ? sources_[part.value] : any_source_;
    if (source.count == 0) return found("it found what nobody wrote", {i});
    if (source.first_call_ns > part.return_ns) return found("it found what came later", {i});
    if (!is_get) return;
    const auto [seen, is_new] = loose_reads_.try_emplace(*part.version, i);
    if (parts_[seen->second].value != part.value) {
      found("they read two values with the same version", {seen->second, i});
    }
  }

  // A value cannot have more versions than it was written times.
  void check_sources() {
    std::unordered_map<std::uint32_t, std::vector<std::size_t>> by_value;
    for (const auto& [version, part] : loose_reads_) by_value[parts_[part].value].push_back(part);
    for (const auto& [version, part] : loose_reads_) {
      const auto& reads = by_value[parts_[part].value];
      if (reads.size() <= sources_[parts_[part].value].count) continue;
      return found("they read a value with more versions than it was written times", reads);
    }
  }

  void check_condition(std::size_t i) {
    const Part& part = parts_[i];
    const auto at = writes_.find(*part.version);
    const bool is_first = at == writes_.begin();
    const std::size_t before = is_first ? i : std::prev(at)->second;
    const bool was_present = !is_first && parts_[before].kind == Kind::kPut;
    const Condition& condition = part.condition;
    if (condition.kind == Condition::Kind::kVersion) {
      const auto expected = writes_.find(condition.version);
      if (condition.version >= *part.version) {
        found("its condition names a version that is not older than its own", {i});
      } else if (!is_first && std::prev(at)->first > condition.version) {
        found("the second was done although the first had changed the version", {before, i});
      } else if (expected != writes_.end() && parts_[expected->second].kind == Kind::kDelete) {
        found("the second was done on the version of a delete", {expected->second, i});
      }
      return;
    }
    if (has_loose_write_) return;
    if (condition.kind == Condition::Kind::kAbsent && was_present) {
      found("the second was done although the first had put a value", {before, i});
    }
    const bool needs_value =
        condition.kind == Condition::Kind::kPresent || part.kind == Kind::kDelete;
    if (needs_value && !was_present) found("it was done although there was no value", {i});
  }

  // There must be a time, before the writes called after it and behind all that returned before
  // it, at which nothing was there: at the beginning, or between a delete and the next put.
  void check_absent(std::size_t i) {
    if (has_loose_delete_) return;
    const auto [low, high] = bounds_.of(i);
    auto at = writes_.lower_bound(high / 2 + high % 2);  // the first one that is too late
    std::optional<std::size_t> put;  // the first one behind the last delete in time
    while (at != writes_.begin()) {
      --at;
      if (parts_[at->second].kind == Kind::kDelete) break;
      put = at->second;
    }
    if (put && low >= 2 * *parts_[*put].version) {
      found("the second found nothing, but the first had put a value", {*put, i});
    }
  }

  void found(std::string what, std::vector<std::size_t> parts) {
    if (!clash_) clash_ = Clash{std::move(what), std::move(parts)};
  }

  const std::vector<Part>& parts_;
  TimeBounds bounds_;
  std::map<Version, std::size_t> writes_;              // done, with a known version
  std::unordered_map<std::uint32_t, Source> sources_;  // other PUTs, by value
  Source any_source_;
  bool has_loose_write_ = false;
  bool has_loose_delete_ = false;
  std::map<Version, std::size_t> loose_reads_;  // of versions that are not in writes_
  std::optional<Clash> clash_;
};

}  // namespace

std::optional<Clash> check_versions(const KeyHistory& history) {
  return VersionCheck(history.parts).run();
}

std::optional<std::string> check_versions_differ(const History& history) {
  std::unordered_map<Version, std::size_t> writes;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    if (!operation.is_write() || !operation.is_done() || !operation.version) continue;
    const auto [same, is_new] = writes.try_emplace(*operation.version, i);
    if (is_new) continue;
    return fmt::format("two writes have the same version\n  {}\n  {}",
                       describe(history.operations[same->second]), describe(operation));
  }
  return std::nullopt;
}

}  // namespace kv::linearizability
