// The store's log as the core sees it.

#include "node/replica.h"
#include "peer/log_entry.h"

namespace kv::node {

raft::Point Replica::floor() const { return floor_; }

raft::Point Replica::last() const { return point_at(agreed_); }

// What cannot be read back cannot be vouched for. A core that is there only to be looked at, as all
// is over, gets something that looks like a record.
raft::Point Replica::point_at(raft::Seq seq) const {
  if (seq == floor_.seq) return floor_;
  auto point = reader_.point_at(seq);
  if (!point && failure_) return {floor_.term, seq, 0};
  if (!point) throw UnreadableLog(std::move(point).error());
  return {point->term, point->sequence, point->chain};
}

Result<std::optional<raft::Term>> Replica::term_of(raft::Seq seq) const {
  if (seq < floor_.seq) return std::nullopt;
  if (seq == floor_.seq) return floor_.term;
  const auto point = reader_.point_at(seq);
  if (!point) return tl::unexpected(point.error());
  return point->term;
}

raft::Seq Replica::term_start(raft::Seq seq) const {
  auto first = reader_.term_start(seq, floor_.seq);
  if (!first) throw UnreadableLog(std::move(first).error());
  return *first;
}

raft::Extent Replica::extent(raft::Seq first, raft::Seq last, std::uint64_t bytes_max) const {
  auto extent = reader_.extent(first, last, bytes_max);
  if (!extent) throw UnreadableLog(std::move(extent).error());
  return {extent->last, extent->bytes};
}

std::uint64_t Replica::extend_chain(std::uint64_t chain, const raft::Entry& entry) const {
  const auto& known = change_ ? change_->membership : memberships_->latest().membership;
  return peer::extend_chain(chain, entry, known.members);
}

}  // namespace kv::node
