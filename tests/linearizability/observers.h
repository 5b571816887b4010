#pragma once

#include <unordered_set>
#include <vector>

#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// Which unknown writes can be of use: one is only placed right before an operation that depends on
// it (RegisterState), so there has to be one that may come next and can. This collects what those
// depend on; an answer that tells a version which another write got depends on that one.
class Observers {
 public:
  explicit Observers(const std::vector<Part>& parts);

  // `before`: where the unknown write would be placed, and `version_max`, the greatest version that
  // it can have there.
  void begin(const RegisterState& before, Version version_max);
  void add(const Part& part);
  // Whether `write` may be of use to one of those added. Never false of one that is.
  bool want(const Part& write) const;

 private:
  bool may_be(Version version) const;

  std::unordered_set<Version> taken_;  // by writes that were done

  // Since begin().
  RegisterState before_;
  Version version_max_ = 0;
  std::vector<std::uint32_t> values_;
  bool is_version_wanted_ = false;  // of any value
  bool is_presence_wanted_ = false;
  bool is_absence_wanted_ = false;
};

}  // namespace kv::linearizability
