#include "torture/log_model.h"

#include <algorithm>

#include "base/check.h"

namespace kv::torture {

ModelState LogModel::at(Version version) const {
  KV_CHECK(version >= base_version_);
  KV_CHECK(version <= last());
  ModelState state = base_;
  for (Version next = base_version_ + 1; next <= version; ++next) {
    apply(state, records_[next - base_version_ - 1], next);
  }
  return state;
}

Version LogModel::attempt(std::vector<ModelChange> changes) {
  records_.push_back(std::move(changes));
  apply(newest_, records_.back(), last());
  return last();
}

void LogModel::take_back(Version version) {
  KV_CHECK(version >= promised_);
  newest_ = at(version);
  records_.resize(version - base_version_);
}

void LogModel::promise(Version version, bool is_durable) {
  promised_ = std::max(promised_, version);
  if (!is_durable) return;
  durable_ = std::max(durable_, version);
  trim();
}

void LogModel::settle(Version version) {
  promised_ = 0;
  durable_ = 0;
  take_back(version);
  promise(version, true);
}

void LogModel::apply(ModelState& state, const std::vector<ModelChange>& changes, Version version) {
  for (const ModelChange& change : changes) {
    if (change.value) {
      state[change.key] = {*change.value, version};
    } else {
      state.erase(change.key);
    }
  }
}

void LogModel::trim() {
  for (; base_version_ < durable_; records_.pop_front()) {
    apply(base_, records_.front(), ++base_version_);
  }
}

}  // namespace kv::torture
