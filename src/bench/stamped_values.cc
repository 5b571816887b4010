#include "bench/stamped_values.h"

#include <algorithm>

#include "base/endian.h"
#include "bench/random.h"

namespace kv::bench {

StampedValues::StampedValues() {
  Random random(7);
  while (pool_.size() < 2 * kPieceSize) base::append_le(pool_, random.next());
}

void StampedValues::append(std::string& out, std::uint32_t key, std::uint32_t size,
                           std::uint32_t stamp) const {
  char header[kHeaderSize];
  base::store_le(header, key);
  base::store_le(header + 4, size);
  base::store_le(header + 8, stamp);
  out.append(header, std::min<std::size_t>(size, kHeaderSize));
  const std::string_view noise = piece(stamp);
  for (std::size_t left = size - std::min<std::size_t>(size, kHeaderSize); left > 0;) {
    const std::size_t now = std::min(left, noise.size());
    out.append(noise.substr(0, now));
    left -= now;
  }
}

bool StampedValues::is_right(std::uint32_t key, std::string_view value) const {
  char header[kHeaderSize];
  base::store_le(header, key);
  base::store_le(header + 4, static_cast<std::uint32_t>(value.size()));
  // Of a short value the stamp, or a part of it, has nothing to be held against.
  const std::size_t known = std::min<std::size_t>(value.size(), kHeaderSize - 4);
  if (value.substr(0, known) != std::string_view(header, known)) return false;
  if (value.size() <= kHeaderSize) return true;
  const std::string_view noise = piece(base::load_le<std::uint32_t>(value.data() + 8));
  for (std::string_view rest = value.substr(kHeaderSize); !rest.empty();) {
    const std::size_t now = std::min(rest.size(), noise.size());
    if (rest.substr(0, now) != noise.substr(0, now)) return false;
    rest.remove_prefix(now);
  }
  return true;
}

}  // namespace kv::bench
