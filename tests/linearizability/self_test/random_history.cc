#include "tests/linearizability/self_test/random_history.h"

#include <algorithm>
#include <map>
#include <random>

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

class Simulation {
 public:
  Simulation(std::uint64_t seed, const RandomHistoryOptions& options)
      : random_(seed), options_(options) {}

  History run() {
    for (std::size_t i = 0; i < options_.operations; ++i) plan();
    std::ranges::shuffle(plans_, random_);
    std::ranges::stable_sort(plans_, {}, &Plan::effect_ns);
    History history;
    for (Plan& plan : plans_) {
      if (plan.has_effect) take_effect(plan.operation);
      if (plan.is_unknown) forget_answer(plan.operation);
      history.operations.push_back(std::move(plan.operation));
    }
    std::ranges::shuffle(history.operations, random_);
    return history;
  }

 private:
  struct Plan {
    Operation operation;
    std::uint64_t effect_ns = 0;
    bool has_effect = true;
    bool is_unknown = false;
  };
  struct Value {
    std::string bytes;
    Version version;
  };

  std::uint64_t up_to(std::uint64_t max) {
    return std::uniform_int_distribution<std::uint64_t>(0, max)(random_);
  }
  bool happens(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  std::string key() { return "k" + std::to_string(up_to(options_.keys - 1)); }
  std::string value() {
    return "v" + std::to_string(options_.has_unique_values ? ++values_ : up_to(2));
  }

  void plan() {
    Plan plan;
    Operation& operation = plan.operation;
    operation.client = up_to(options_.clients - 1);
    std::uint64_t& now = clock_of_[operation.client];
    operation.call_ns = now + up_to(options_.pause_max_ns);
    const std::uint64_t length = up_to(options_.length_max_ns);
    now = operation.return_ns = operation.call_ns + length;
    plan.effect_ns = operation.call_ns + up_to(length);
    choose_request(operation);
    if (happens(options_.unknown_share)) {
      plan.is_unknown = true;
      plan.has_effect = happens(0.5);
      plan.effect_ns += up_to(10) == 0 ? up_to(options_.length_max_ns * 10) : 0;
    }
    plans_.push_back(std::move(plan));
  }

  void choose_request(Operation& operation) {
    operation.key = key();
    if (happens(0.4)) return;
    if (happens(options_.delete_share)) {
      operation.kind = Kind::kDelete;
      if (happens(0.3)) operation.condition.kind = Condition::Kind::kVersion;
      return;
    }
    if (options_.has_batches && happens(0.15)) {
      operation.kind = Kind::kBatch;
      operation.key.clear();
      for (std::size_t i = 0; i <= up_to(3); ++i) operation.batch.push_back({key(), value()});
      return;
    }
    operation.kind = Kind::kPut;
    operation.value = value();
    const Condition::Kind kinds[] = {Condition::Kind::kAlways, Condition::Kind::kAlways,
                                     Condition::Kind::kAbsent, Condition::Kind::kPresent,
                                     Condition::Kind::kVersion};
    operation.condition.kind = kinds[up_to(4)];
  }

  void take_effect(Operation& operation) {
    operation.outcome = Outcome::kOk;
    if (operation.kind == Kind::kBatch) {
      operation.version = ++version_;
      for (const auto& [key, value] : operation.batch) store_[key] = {value, version_};
      return;
    }
    const auto at = store_.find(operation.key);
    const Version found = at == store_.end() ? 0 : at->second.version;
    if (operation.kind != Kind::kPut && found == 0) {
      operation.outcome = Outcome::kNotFound;
      // What it asked for does not matter.
      operation.condition.version = 1 + up_to(version_);
      return;
    }
    operation.version = found;
    if (operation.kind == Kind::kGet) {
      operation.value = at->second.bytes;
      return;
    }
    if (!holds(operation.condition, found)) {
      operation.outcome = Outcome::kConflict;
      return;
    }
    operation.version = ++version_;
    if (operation.kind == Kind::kDelete) {
      store_.erase(operation.key);
    } else {
      store_[operation.key] = {operation.value, version_};
    }
  }

  // A version is asked for only now, so that it is the right one now and then.
  bool holds(Condition& condition, Version found) {
    switch (condition.kind) {
      case Condition::Kind::kAlways:
        break;
      case Condition::Kind::kAbsent:
        return found == 0;
      case Condition::Kind::kPresent:
        return found != 0;
      case Condition::Kind::kVersion:
        condition.version = found != 0 && happens(0.6) ? found : 1 + up_to(version_);
        return condition.version == found;
    }
    return true;
  }

  void forget_answer(Operation& operation) {
    if (operation.kind == Kind::kGet) operation.value.clear();
    const bool is_told = operation.is_done() && operation.is_write() && happens(0.2);
    if (!is_told) operation.version.reset();
    operation.outcome = Outcome::kUnknown;
    operation.return_ns = Operation::kNever;
    if (operation.condition.kind == Condition::Kind::kVersion && operation.condition.version == 0) {
      operation.condition.version = 1 + up_to(version_);
    }
  }

  std::mt19937_64 random_;
  const RandomHistoryOptions& options_;
  std::map<std::uint64_t, std::uint64_t> clock_of_;
  std::vector<Plan> plans_;
  std::map<std::string, Value> store_;
  Version version_ = 0;
  std::uint64_t values_ = 0;
};

}  // namespace

History random_history(std::uint64_t seed, const RandomHistoryOptions& options) {
  return Simulation(seed, options).run();
}

}  // namespace kv::linearizability
