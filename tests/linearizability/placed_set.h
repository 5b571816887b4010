#pragma once

#include <cstdint>
#include <vector>

#include "tests/linearizability/register_model.h"
#include "tests/linearizability/seen_set.h"

namespace kv::linearizability {

// Which operations are placed, as bits; with which of them and what state a search has been before;
// and whose turn it is among those with a known version. One thread.
class PlacedSet {
 public:
  explicit PlacedSet(const std::vector<Part>& parts);

  // Whether all that have a smaller version are placed. Always true of what has none, and of
  // unknown writes, as they may never take effect.
  bool is_turn(std::size_t part) const;
  // The greatest version that an unknown write placed now can have, before what has the next turn.
  Version version_limit() const;
  void add(std::size_t part);
  void remove(std::size_t part);
  // Whether the set and `state` are here together for the first time.
  bool remember(const RegisterState& state);

 private:
  bool has(std::size_t bit) const { return (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  void append_run(std::size_t from, std::size_t to);

  // Known operations in the order of their calls, then, from a new word on, the unknown ones: so
  // the placed known ones are nearly a prefix, and only what is not is remembered.
  std::vector<std::size_t> bit_of_;
  std::vector<std::uint64_t> words_;
  std::size_t known_words_ = 0;
  std::size_t full_words_ = 0;  // so many words in front are all ones
  std::size_t known_end_ = 0;   // no word of the known ones from here on was ever touched

  static constexpr std::size_t kNoTurn = SIZE_MAX;
  std::vector<std::size_t> by_version_;  // parts
  std::vector<std::size_t> turn_of_;     // by part, into by_version_
  std::vector<std::uint64_t> order_;  // by part; reads of a version have the same, its write less
  std::size_t next_turn_ = 0;         // those in front of it are placed

  std::vector<std::uint64_t> row_;
  SeenSet seen_;
};

}  // namespace kv::linearizability
