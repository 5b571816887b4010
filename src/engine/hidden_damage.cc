#include <algorithm>

#include <fmt/format.h>

#include "base/checksum.h"
#include "engine/recovery.h"

namespace kv::engine {

void HiddenDamage::add(const std::string& path, const DamagedRange& range) {
  const std::string where =
      fmt::format("segment={} offset={} size={}", path, range.offset, range.size);
  for (const auto& fingerprint : range.fingerprints) {
    entries_.push_back({where, fingerprint.sequence, false, fingerprint});
  }
  if (range.is_blind) add_blind(where, range.last_sequence);
}

void HiddenDamage::add(const std::string& path, const format::Quarantine& range) {
  if (!range.is_blind) return;
  add_blind(fmt::format("segment={} offset={} size={}", path, range.offset, range.size),
            range.last_sequence);
}

void HiddenDamage::add_blind(const std::string& where, std::uint64_t last_sequence) {
  const std::uint64_t last = last_sequence == 0 ? UINT64_MAX : last_sequence;
  const bool is_known = std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.is_blind && entry.where == where && entry.last_sequence == last;
  });
  if (!is_known) entries_.push_back({where, last, true, {}});
}

Error HiddenDamage::error(const Entry& entry) const {
  return {Errc::kCorruption,
          entry.where +
              " damaged records hide keys or newer values; restore them from a backup, or "
              "write the key again; a member of a cluster has them from the others after `kv "
              "cluster compare`",
          {}};
}

std::optional<Error> HiddenDamage::may_hide(std::string_view key, Version version) const {
  for (const Entry& entry : entries_) {
    if (version > entry.last_sequence) continue;
    const bool concerns_key = entry.is_blind || (entry.fingerprint.key_size == key.size() &&
                                                 entry.fingerprint.key_crc == base::crc32c(key));
    if (concerns_key) return error(entry);
  }
  return std::nullopt;
}

std::optional<Error> HiddenDamage::any() const {
  if (entries_.empty()) return std::nullopt;
  return error(entries_.front());
}

}  // namespace kv::engine
