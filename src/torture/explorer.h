#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torture/finding.h"
#include "torture/script.h"

namespace kv::torture {

// Where a script is cut off, what survives, and where the start after that is cut off, too.
struct Cut {
  std::uint64_t operation = 0;  // changes of the disk before the one in which the power goes
  Aftermath aftermath;
  std::optional<std::uint64_t> again;  // the same, of the start
  Aftermath after_again;
};
std::string describe(const Cut& cut);
// "12:random:3" or "12:cache/5:synced". nullopt: it is no cut.
std::optional<Cut> parse_cut(std::string_view text);

// Cuts a script off at every change it makes to the disk, in each of several variants of what
// survives, and holds what the next start finds against the model; and cuts off that start, too. No
// luck is involved but in what a random aftermath keeps.
//
// One thread, or several with an explorer each: `part` of `parts` does its share of the operations.
class Explorer {
 public:
  struct Settings {
    std::uint64_t part = 0;
    std::uint64_t parts = 1;
    std::uint64_t stride = 1;  // of the operations whose starts are cut off, too
    std::uint64_t random_variants = 3;
    const std::atomic<bool>* is_stopped = nullptr;
    std::atomic<std::uint64_t>* starts = nullptr;  // counted up
  };
  Explorer(const Script& script, const Settings& settings);

  // The first thing that went wrong.
  std::optional<Finding> cut_everywhere();
  std::optional<Finding> cut_starts_everywhere();
  // One of them alone.
  std::optional<Finding> try_cut(const Cut& cut);
  std::uint64_t starts() const { return starts_; }
  std::uint64_t operations();  // of the whole script

 private:
  bool is_mine(std::uint64_t operation) const {
    return operation % settings_.parts == settings_.part;
  }
  bool is_stopped() const { return settings_.is_stopped != nullptr && *settings_.is_stopped; }
  // Lives up to the cut; false: there is no such operation.
  bool live_until(Life& life, std::uint64_t operation);
  std::optional<Finding> cut_starts(std::uint64_t operation, const Aftermath& aftermath);
  std::optional<Finding> finding_of(const Life& life, const Cut& cut);
  std::vector<Aftermath> aftermaths(std::uint64_t operation) const;

  const Script& script_;
  const Settings settings_;
  std::uint64_t starts_ = 0;
};

}  // namespace kv::torture
