#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/key_arena.h"
#include "engine/key_hash.h"
#include "engine/place.h"

namespace kv::engine {

// A run of keys on its way into an empty index: each part is filled by a thread of its own, then
// Index::load joins them.
class IndexPart {
 public:
  // Keys in strictly ascending order.
  void add(std::string_view key, Place place);
  std::size_t size() const { return refs_.size(); }

 private:
  friend class Index;
  KeyArena arena_;
  std::vector<KeyRef> refs_;  // in order of their keys
  std::array<std::vector<KeyHash::Entry>, KeyHash::kParts> hashes_;
};

}  // namespace kv::engine
