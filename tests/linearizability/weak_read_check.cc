#include "tests/linearizability/weak_read_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "tests/linearizability/deletes.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

// What a client was told by a time: the greatest version so far.
class Told {
 public:
  void add(const Operation& operation) {
    if (operation.is_unknown() || operation.outcome == Outcome::kFailed) return;
    if (operation.version) by_return_.emplace_back(operation.return_ns, *operation.version);
  }
  void finish() {
    std::ranges::sort(by_return_);
    Version greatest = 0;
    for (auto& [return_ns, version] : by_return_) version = greatest = std::max(greatest, version);
  }
  Version before(std::uint64_t call_ns) const {
    const auto behind = std::ranges::lower_bound(by_return_, call_ns, {},
                                                 &std::pair<std::uint64_t, Version>::first);
    return behind == by_return_.begin() ? 0 : std::prev(behind)->second;
  }

 private:
  std::vector<std::pair<std::uint64_t, Version>> by_return_;
};

// The writes of one key.
struct Writes {
  explicit Writes(const KeyHistory& history) : deletes(history.parts) {
    for (const Part& part : history.parts) {
      if (part.is_write_done() && part.version) {
        done.emplace(*part.version, part);
      } else if (part.kind == Kind::kPut && (part.is_unknown() || part.is_write_done())) {
        loose.push_back(part);
      }
    }
  }

  std::map<Version, Part> done;
  std::vector<Part> loose;  // PUTs whose version is not known, or that may not have been done
  Deletes deletes;
};

class WeakReadCheck {
 public:
  WeakReadCheck(const History& history, const std::vector<KeyHistory>& keys) : history_(history) {
    for (const KeyHistory& key : keys) writes_.emplace(key.key, Writes(key));
    for (const Operation& operation : history.operations) told_[operation.client].add(operation);
    for (auto& [client, told] : told_) told.finish();
  }

  std::vector<WeakReadFinding> run() {
    for (std::size_t i = 0; i < history_.operations.size(); ++i) {
      const Operation& read = history_.operations[i];
      if (read.kind != Kind::kGet || read.read == Operation::Read::kLinearizable) continue;
      if (read.is_done() && read.version) check_value(i);
      if (read.read == Operation::Read::kSession) check_session(i);
    }
    return std::move(findings_);
  }

 private:
  void check_value(std::size_t i) {
    const Operation& read = history_.operations[i];
    const auto writes = writes_.find(read.key);
    if (writes == writes_.end()) return found(i, "it found what nobody wrote", {});
    if (const auto at = writes->second.done.find(*read.version); at != writes->second.done.end()) {
      const Part& part = at->second;
      const bool is_same = part.kind == Kind::kPut && value_of(part, read.key) == read.value;
      if (!is_same) found(i, "the second read another value than was written", {part.operation});
      if (part.call_ns > read.return_ns) found(i, "it found what came later", {part.operation});
      return;
    }
    const bool is_written = std::ranges::any_of(writes->second.loose, [&](const Part& part) {
      return part.call_ns <= read.return_ns && value_of(part, read.key) == read.value;
    });
    if (!is_written) found(i, "it found what nobody wrote", {});
  }

  void check_session(std::size_t i) {
    const Operation& read = history_.operations[i];
    const auto writes = writes_.find(read.key);
    if (writes == writes_.end()) return;
    const bool is_absent = read.outcome == Outcome::kNotFound;
    if (!is_absent && !(read.is_done() && read.version)) return;
    const auto& done = writes->second.done;
    const auto behind = done.upper_bound(told_[read.client].before(read.call_ns));
    if (behind == done.begin()) return;
    const auto& [version, part] = *std::prev(behind);
    const Version at_most =
        is_absent ? writes->second.deletes.latest_called_by(read.return_ns) : *read.version;
    if (at_most >= version) return;
    found(i, "the second found less than its client had seen before", {part.operation});
  }

  // Of a batch the last pair with the key counts.
  std::string_view value_of(const Part& part, std::string_view key) const {
    const Operation& write = history_.operations[part.operation];
    if (write.kind != Kind::kBatch) return write.value;
    const auto last = std::find_if(write.batch.rbegin(), write.batch.rend(),
                                   [&](const Operation::Pair& pair) { return pair.key == key; });
    return last->value;
  }

  void found(std::size_t read, std::string what, std::vector<std::size_t> others) {
    others.push_back(read);
    findings_.push_back({history_.operations[read].key, std::move(what), std::move(others)});
  }

  const History& history_;
  std::map<std::string, Writes> writes_;  // by key
  std::unordered_map<std::uint64_t, Told> told_;
  std::vector<WeakReadFinding> findings_;
};

}  // namespace

std::vector<WeakReadFinding> check_weak_reads(const History& history,
                                              const std::vector<KeyHistory>& keys) {
  return WeakReadCheck(history, keys).run();
}

}  // namespace kv::linearizability
