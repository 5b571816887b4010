#include "engine/index_part.h"

namespace kv::engine {

void IndexPart::add(std::string_view key, Place place) {
  const KeyRef ref = arena_.insert(key, place);
  refs_.push_back(ref);
  const std::uint64_t hash = hash_key(key);
  hashes_[KeyHash::part_of(hash)].push_back({hash, ref});
}

}  // namespace kv::engine
