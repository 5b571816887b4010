#include "tests/linearizability/key_history.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

bool tells_nothing(const Operation& operation) {
  return operation.outcome == Outcome::kFailed ||
         (operation.kind == Kind::kGet && operation.is_unknown()) ||
         (operation.outcome == Outcome::kConflict && !operation.version);
}

struct Collected {
  KeyHistory history;
  std::map<std::string_view, std::uint32_t> numbers;  // of the values
};

class Collector {
 public:
  void add(const Operation& operation, std::size_t place) {
    if (tells_nothing(operation) || operation.read != Operation::Read::kLinearizable) return;
    if (operation.kind != Kind::kBatch) {
      add_part(operation, place, operation.key, operation.value);
      return;
    }
    std::map<std::string_view, std::string_view> last;
    for (const auto& [key, value] : operation.batch) last[key] = value;
    for (const auto& [key, value] : last) add_part(operation, place, key, value);
  }

  std::vector<KeyHistory> finish() {
    std::vector<KeyHistory> all;
    for (auto& [key, collected] : keys_) {
      collected.history.key = key;
      std::ranges::stable_sort(collected.history.parts, {}, &Part::call_ns);
      all.push_back(std::move(collected.history));
    }
    return all;
  }

 private:
  void add_part(const Operation& operation, std::size_t place, std::string_view key,
                std::string_view value) {
    Collected& to = keys_[key];
    if (to.history.values.empty()) to.history.values.emplace_back();
    Part part{.operation = place,
              .kind = operation.kind == Kind::kBatch ? Kind::kPut : operation.kind,
              .outcome = operation.outcome,
              .condition = operation.condition,
              .version = operation.version,
              .call_ns = operation.call_ns,
              .return_ns = operation.is_unknown() ? Operation::kNever : operation.return_ns};
    if (part.kind == Kind::kPut || (part.kind == Kind::kGet && operation.is_done())) {
      const auto next = static_cast<std::uint32_t>(to.history.values.size());
      const auto [at, is_new] = to.numbers.try_emplace(value, next);
      if (is_new) to.history.values.emplace_back(value);
      part.value = at->second;
    }
    to.history.parts.push_back(part);
  }

  std::map<std::string_view, Collected> keys_;
};

}  // namespace

std::vector<KeyHistory> split_by_key(const History& history) {
  Collector collector;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    collector.add(history.operations[i], i);
  }
  return collector.finish();
}

}  // namespace kv::linearizability
