#include "tests/linearizability/self_test/brute_force.h"

#include <algorithm>

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

struct Holding {
  std::optional<std::string> value;
  Version version = 0;  // of the newest write, a delete included
};

class Orders {
 public:
  explicit Orders(const History& history) {
    for (const Operation& operation : history.operations) {
      if (operation.outcome != Outcome::kFailed) left_.push_back(&operation);
      version_max_ =
          std::max({version_max_, operation.version.value_or(0), operation.condition.version});
    }
    // Room for what tells no version behind what does.
    version_max_ += left_.size();
  }

  bool can_go_on(const Holding& now) {
    if (std::ranges::all_of(left_, &Operation::is_unknown)) return true;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const Operation* const operation = left_[i];
      if (!may_be_next(*operation)) continue;
      left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(i));
      const bool is_good = can_follow(now, *operation);
      left_.insert(left_.begin() + static_cast<std::ptrdiff_t>(i), operation);
      if (is_good) return true;
    }
    return false;
  }

 private:
  bool may_be_next(const Operation& operation) const {
    return std::ranges::none_of(left_, [&](const Operation* other) {
      return !other->is_unknown() && other->return_ns < operation.call_ns;
    });
  }

  static bool holds(const Holding& now, const Condition& condition) {
    switch (condition.kind) {
      case Condition::Kind::kAlways:
        break;
      case Condition::Kind::kAbsent:
        return !now.value;
      case Condition::Kind::kPresent:
        return now.value.has_value();
      case Condition::Kind::kVersion:
        return now.value && now.version == condition.version;
    }
    return true;
  }

  bool can_follow(const Holding& now, const Operation& operation) {
    const bool is_found = !operation.version || *operation.version == now.version;
    switch (operation.outcome) {
      case Outcome::kNotFound:
        return !now.value && can_go_on(now);
      case Outcome::kConflict:
        if (operation.kind == Kind::kDelete && !now.value) return false;
        if (holds(now, operation.condition)) return false;
        return (now.value ? is_found : operation.version == Version{0}) && can_go_on(now);
      case Outcome::kOk:
        if (operation.kind != Kind::kGet) break;
        return now.value == operation.value && is_found && can_go_on(now);
      case Outcome::kUnknown:
        if (operation.kind == Kind::kGet) return can_go_on(now);
        break;
      case Outcome::kFailed:
        return false;
    }
    if (operation.kind == Kind::kDelete && !now.value) return false;
    if (!holds(now, operation.condition)) return false;
    return can_write(now, operation);
  }

  bool can_write(const Holding& now, const Operation& operation) {
    Holding after;
    if (operation.kind == Kind::kPut) after.value = operation.value;
    for (after.version = now.version + 1; after.version <= version_max_; ++after.version) {
      if (operation.version && *operation.version != after.version) continue;
      if (can_go_on(after)) return true;
    }
    return false;
  }

  std::vector<const Operation*> left_;
  Version version_max_ = 0;
};

}  // namespace

bool has_order(const History& history) { return Orders(history).can_go_on({}); }

}  // namespace kv::linearizability
