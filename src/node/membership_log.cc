#include "node/membership_log.h"

#include <algorithm>
#include <utility>

#include "peer/log_entry.h"

namespace kv::node {

bool Self::is(const format::Member& member) const {
  if (raft::NodeId{member.node_id} != id) return false;
  return member.node_uuid.is_nil() ? !has_joined : member.node_uuid == uuid;
}

bool Self::is_in(const format::Membership& membership) const {
  return std::ranges::any_of(membership.members,
                             [this](const format::Member& member) { return is(member); });
}

// A number that no member has: peers are asked for theirs by people.
raft::Config config_of(const format::Membership& membership, const Self& self) {
  raft::Config config = peer::config_of(membership);
  if (self.is_in(membership)) return config;
  constexpr std::uint64_t kSomebodyElse = std::uint64_t{1} << 63;
  for (auto* nodes : {&config.voters, &config.learners}) {
    std::ranges::replace(*nodes, self.id,
                         raft::NodeId{static_cast<std::uint64_t>(self.id) ^ kSomebodyElse});
    std::ranges::sort(*nodes);
  }
  return config;
}

Result<MembershipLog> MembershipLog::read(const format::MembersFile& file,
                                          engine::LogReader& reader, raft::Seq floor,
                                          raft::Seq last) {
  At first{file.config_sequence, file.membership};
  // Whoever waits to be added knows where the others are, and not who counts.
  if (file.has_joined && file.config_sequence == 0) first.membership.members.clear();
  MembershipLog log(std::move(first));
  const raft::Seq known = std::max(file.sequence, floor);
  if (known >= last) return log;
  std::optional<Error> bad;
  const auto done = reader.read_type(format::RecordType::kConfig, known + 1, last,
                                     [&](const engine::LoggedRecord& record) {
                                       if (bad) return;
                                       auto membership = format::decode_membership(record.body);
                                       if (!membership) {
                                         bad = std::move(membership).error();
                                         return;
                                       }
                                       log.append(record.header.sequence, std::move(*membership));
                                     });
  if (!done) return tl::unexpected(done.error());
  if (bad) return tl::unexpected(std::move(*bad));
  return log;
}

const MembershipLog::At& MembershipLog::at(raft::Seq sequence) const {
  const auto behind = std::ranges::upper_bound(all_, sequence, {}, &At::sequence);
  return behind == all_.begin() ? all_.front() : *std::prev(behind);
}

void MembershipLog::append(raft::Seq sequence, format::Membership membership) {
  if (sequence <= latest().sequence) return;
  all_.push_back({sequence, std::move(membership)});
}

bool MembershipLog::truncate_from(raft::Seq sequence) {
  const std::size_t before = all_.size();
  while (all_.size() > 1 && all_.back().sequence >= sequence) all_.pop_back();
  return all_.size() != before;
}

void MembershipLog::forget_before(raft::Seq sequence) {
  while (all_.size() > 1 && all_[1].sequence <= sequence) all_.erase(all_.begin());
}

std::vector<raft::ConfigAt> MembershipLog::configs(const Self& self, raft::Seq applied) const {
  std::vector<raft::ConfigAt> configs;
  for (const At& one : all_) {
    const raft::Seq seq = configs.empty() ? std::min(one.sequence, applied) : one.sequence;
    configs.push_back({seq, std::make_shared<const raft::Config>(config_of(one.membership, self))});
  }
  return configs;
}

}  // namespace kv::node
