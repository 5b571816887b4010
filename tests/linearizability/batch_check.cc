#include "tests/linearizability/batch_check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "tests/linearizability/deletes.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

// When something was seen, and by which operation.
struct Sighting {
  std::uint64_t time_ns;
  std::size_t operation;
};

// What the answers of one key tell of the versions it went through.
class KeyTimes {
 public:
  explicit KeyTimes(const KeyHistory& history) {
    const Deletes deletes(history.parts);
    for (const Part& part : history.parts) {
      if (part.is_unknown()) continue;
      const bool is_absent = part.outcome == Outcome::kNotFound || part.version == Version{0};
      if (!is_absent && !part.version) continue;
      if (!is_absent) seen_.push_back({*part.version, {part.return_ns, part.operation}});
      const Version at_most = is_absent ? deletes.latest_called_by(part.return_ns) : *part.version;
      old_.push_back({at_most, {part.call_ns, part.operation}});
    }
    std::ranges::sort(seen_, std::greater(), &Entry::version);
    for (std::size_t i = 1; i < seen_.size(); ++i) {
      if (seen_[i - 1].at.time_ns < seen_[i].at.time_ns) seen_[i].at = seen_[i - 1].at;
    }
    std::ranges::sort(old_, std::less(), &Entry::version);
    for (std::size_t i = 1; i < old_.size(); ++i) {
      if (old_[i - 1].at.time_ns > old_[i].at.time_ns) old_[i].at = old_[i - 1].at;
    }
  }

  // The first return of what shows that the key has got to `version`.
  std::optional<Sighting> first_seen(Version version) const {
    const auto behind = std::ranges::partition_point(
        seen_, [&](const Entry& entry) { return entry.version >= version; });
    if (behind == seen_.begin()) return std::nullopt;
    return std::prev(behind)->at;
  }
  // The last call of what found the key as it was before `version`.
  std::optional<Sighting> last_before(Version version) const {
    const auto behind = std::ranges::partition_point(
        old_, [&](const Entry& entry) { return entry.version < version; });
    if (behind == old_.begin()) return std::nullopt;
    return std::prev(behind)->at;
  }

 private:
  struct Entry {
    Version version;
    Sighting at;
  };
  std::vector<Entry> seen_;  // falling versions; `at`: the earliest up to there
  std::vector<Entry> old_;   // rising; `at`: the latest up to there
};

// One key of a batch.
struct Share {
  std::size_t key;
  std::uint32_t value;
};

class BatchCheck {
 public:
  BatchCheck(const History& history, const std::vector<KeyHistory>& keys)
      : history_(history), keys_(keys) {}

  std::vector<BatchFinding> run() {
    std::map<std::size_t, std::vector<Share>> batches;
    for (std::size_t key = 0; key < keys_.size(); ++key) {
      times_.emplace_back(keys_[key]);
      for (const Part& part : keys_[key].parts) {
        if (history_.operations[part.operation].kind != Kind::kBatch) continue;
        batches[part.operation].push_back({key, part.value});
      }
      collect_values(keys_[key]);
    }
    for (const auto& [operation, shares] : batches) {
      if (shares.size() > 1) check(operation, shares);
    }
    return std::move(findings_);
  }

 private:
  struct ValueFacts {
    std::size_t writes = 0;
    std::optional<Version> version;  // that a read told
    std::size_t read = 0;            // the operation
  };

  void collect_values(const KeyHistory& history) {
    std::vector<ValueFacts>& facts = values_.emplace_back(history.values.size());
    for (const Part& part : history.parts) {
      if (part.kind == Kind::kPut && part.outcome != Outcome::kConflict) ++facts[part.value].writes;
      if (part.kind != Kind::kGet || part.outcome != Outcome::kOk || !part.version) continue;
      facts[part.value].version = part.version;
      facts[part.value].read = part.operation;
    }
  }

  void check(std::size_t operation, const std::vector<Share>& shares) {
    std::optional<Version> version;
    std::size_t told_by = operation;
    if (history_.operations[operation].is_done()) version = history_.operations[operation].version;
    for (const auto& [key, value] : shares) {
      const ValueFacts& facts = values_[key][value];
      if (facts.writes != 1 || !facts.version) continue;
      if (version && *version != *facts.version) {
        findings_.push_back({"a batch has two versions", {operation, told_by, facts.read}});
        return;
      }
      version = facts.version;
      told_by = facts.read;
    }
    if (version) check_times(operation, *version, shares);
  }

  void check_times(std::size_t operation, Version version, const std::vector<Share>& shares) {
    std::optional<Sighting> first_seen;
    std::optional<Sighting> last_before;
    for (const Share& share : shares) {
      const auto seen = times_[share.key].first_seen(version);
      if (seen && (!first_seen || seen->time_ns < first_seen->time_ns)) first_seen = seen;
      const auto before = times_[share.key].last_before(version);
      if (before && (!last_before || before->time_ns > last_before->time_ns)) last_before = before;
    }
    if (!first_seen || !last_before || first_seen->time_ns >= last_before->time_ns) return;
    findings_.push_back({"of a batch one key was found done, and another, later, not done",
                         {operation, first_seen->operation, last_before->operation}});
  }

  const History& history_;
  const std::vector<KeyHistory>& keys_;
  std::vector<KeyTimes> times_;                  // by key
  std::vector<std::vector<ValueFacts>> values_;  // by key and number of the value
  std::vector<BatchFinding> findings_;
};

}  // namespace

std::vector<BatchFinding> check_batches(const History& history,
                                        const std::vector<KeyHistory>& keys) {
  return BatchCheck(history, keys).run();
}

}  // namespace kv::linearizability
