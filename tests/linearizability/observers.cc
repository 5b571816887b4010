#include "tests/linearizability/observers.h"

#include <algorithm>

namespace kv::linearizability {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

Observers::Observers(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (part.is_write_done() && part.version) taken_.insert(*part.version);
  }
}

void Observers::begin(const RegisterState& before, Version version_max) {
  before_ = before;
  version_max_ = version_max;
  values_.clear();
  is_version_wanted_ = is_presence_wanted_ = is_absence_wanted_ = false;
}

bool Observers::may_be(Version version) const {
  return version > before_.version && version <= version_max_ && !taken_.contains(version);
}

void Observers::add(const Part& part) {
  if (part.outcome == Outcome::kNotFound || part.version == Version{0}) {
    is_absence_wanted_ = true;
    return;
  }
  if (part.outcome == Outcome::kConflict) {
    is_version_wanted_ |= !part.version || may_be(*part.version);
    return;
  }
  if (part.kind == Kind::kGet) {
    if (!part.version || may_be(*part.version)) values_.push_back(part.value);
    return;
  }
  switch (part.condition.kind) {
    case Condition::Kind::kAlways:
      is_presence_wanted_ |= part.kind == Kind::kDelete;
      break;
    case Condition::Kind::kAbsent:
      is_absence_wanted_ = true;
      break;
    case Condition::Kind::kPresent:
      is_presence_wanted_ = true;
      break;
    case Condition::Kind::kVersion:
      is_version_wanted_ |= may_be(part.condition.version);
      break;
  }
}

bool Observers::want(const Part& write) const {
  // Its version is greater than that before it.
  if (before_.version >= version_max_) return false;
  if (write.kind == Kind::kDelete) return before_.is_present() && is_absence_wanted_;
  if (is_version_wanted_ || std::ranges::find(values_, write.value) != values_.end()) return true;
  return is_presence_wanted_ && !before_.is_present();
}

}  // namespace kv::linearizability
