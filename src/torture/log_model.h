#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kv/options.h"

namespace kv::torture {

struct ModelValue {
  std::string bytes;
  Version version = 0;
};
using ModelState = std::map<std::string, ModelValue>;

struct ModelChange {
  std::string key;
  std::optional<std::string> value;  // none: deleted
};

// What a store may hold: its log as a list of records, how much of it was promised, and to survive
// what. After a crash the store must hold a prefix of the log that is no shorter than the promise.
class LogModel {
 public:
  // With every record that was tried.
  const ModelState& newest() const { return newest_; }
  Version last() const { return base_version_ + records_.size(); }
  // With those up to `version`, which is durable() or later.
  ModelState at(Version version) const;

  // A record that is about to be written; its version.
  Version attempt(std::vector<ModelChange> changes);
  // Those behind `version` were refused: nothing was done.
  void take_back(Version version);
  // Survives the end of the process, or everything.
  void promise(Version version, bool is_durable);
  // The power went: what was not durable may be lost.
  void lose_cache() { promised_ = durable_; }
  // The store was opened and has the records up to `version`, durably.
  void settle(Version version);

  Version promised() const { return promised_; }
  Version durable() const { return durable_; }

 private:
  static void apply(ModelState& state, const std::vector<ModelChange>& changes, Version version);
  void trim();

  ModelState base_;  // with the records up to base_version_
  Version base_version_ = 0;
  std::deque<std::vector<ModelChange>> records_;  // behind the base
  ModelState newest_;
  Version promised_ = 0;
  Version durable_ = 0;
};

}  // namespace kv::torture
