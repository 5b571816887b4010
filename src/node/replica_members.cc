// Who the members are, in a replica: what the log says of it, and how it is changed (rules M1 to
// M6).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "node/replica.h"
#include "peer/log_entry.h"

namespace kv::node {

namespace {

using Kind = raft::ConfigChange::Kind;

// Log that is read at the next start to find what changed since.
constexpr std::uint64_t kNoteEveryBytes = std::uint64_t{64} << 20;

// The members behind the change. It says as much of their disks as this node knows.
format::Membership changed(format::Membership membership, const MemberChange& change) {
  auto& members = membership.members;
  const auto found = std::ranges::find(members, change.member.node_id, &format::Member::node_id);
  switch (change.kind) {
    case Kind::kAddLearner:
      if (found != members.end()) break;
      members.push_back(change.member);
      members.back().role = format::MemberRole::kLearner;
      std::ranges::sort(members, {}, &format::Member::node_id);
      break;
    case Kind::kPromote:
      if (found != members.end()) found->role = format::MemberRole::kVoter;
      break;
    case Kind::kRemove:
      if (found != members.end()) members.erase(found);
      break;
  }
  return membership;
}

}  // namespace

void Replica::read_memberships() {
  const format::MembersFile& file = parts_.members.content();
  auto read = MembershipLog::read(file, reader_, floor_.seq, agreed_);
  if (read) return void(memberships_.emplace(std::move(*read)));
  // It does nothing but say why.
  memberships_.emplace(MembershipLog::At{file.config_sequence, file.membership});
  fail(std::move(read).error());
}

bool Replica::is_member() const {
  const auto& all = memberships_->all();
  const raft::Seq committed = committed_config();
  return std::ranges::any_of(all, [&](const MembershipLog::At& one) {
    return one.sequence >= committed && self_.is_in(one.membership);
  });
}

std::map<raft::NodeId, format::Member> Replica::neighbours() const {
  std::map<raft::NodeId, format::Member> found;
  const auto take = [&](const format::Membership& membership) {
    for (const format::Member& member : membership.members) {
      if (raft::NodeId{member.node_id} != self_.id) found[raft::NodeId{member.node_id}] = member;
    }
  };
  if (!is_member()) take(parts_.members.membership());
  const raft::Seq committed = committed_config();
  for (const MembershipLog::At& one : memberships_->all()) {
    if (one.sequence >= committed) take(one.membership);
  }
  for (const auto& [node, guest] : guests_) {
    if (is_valid(guest)) found[node] = guest.member;
  }
  return found;
}

// The log has no disks of those that the cluster was made with.
format::Membership Replica::known_membership() const {
  format::Membership present = memberships_->latest().membership;
  for (format::Member& member : present.members) {
    const auto& known = parts_.members.membership().members;
    const auto found = std::ranges::find(known, member.node_id, &format::Member::node_id);
    if (member.node_uuid.is_nil() && found != known.end()) member.node_uuid = found->node_uuid;
    if (member.node_uuid.is_nil() && self_.is(member)) member.node_uuid = self_.uuid;
  }
  return present;
}

raft::Seq Replica::committed_config() const { return memberships_->at(core_->commit()).sequence; }

bool Replica::is_valid(const Guest& guest) const {
  return guest.known == committed_config() || !is_member();
}

Result<Replica::Standing> Replica::standing_of(raft::NodeId node, const base::Uuid& uuid) {
  if (node == self_.id) return Standing::kReplaced;
  if (!is_member()) return Standing::kMember;
  const raft::Seq committed = committed_config();
  Standing standing = Standing::kStranger;
  for (const MembershipLog::At& one : memberships_->all()) {
    if (one.sequence < committed) continue;
    const auto& members = one.membership.members;
    const auto found =
        std::ranges::find(members, static_cast<std::uint64_t>(node), &format::Member::node_id);
    if (found == members.end()) continue;
    if (found->node_uuid == uuid) return Standing::kMember;
    standing = Standing::kReplaced;
    if (!found->node_uuid.is_nil()) continue;
    const auto is_its = parts_.members.is_disk_of(found->node_id, uuid);
    if (!is_its) return tl::unexpected(is_its.error());
    if (*is_its) return Standing::kMember;
  }
  const auto guest = guests_.find(node);
  const bool is_guest = guest != guests_.end() && guest->second.member.node_uuid == uuid;
  return is_guest && is_valid(guest->second) ? Standing::kMember : standing;
}

Result<Replica::Standing> Replica::admit(const peer::Hello& hello) {
  auto standing = standing_of(hello.node_id, hello.node_uuid);
  if (!standing || (*standing == Standing::kMember && is_member())) return standing;
  if (is_member() && hello.commit <= committed_config()) return standing;
  if (!hello.address.empty()) {
    format::Member member{.node_id = static_cast<std::uint64_t>(hello.node_id),
                          .node_uuid = hello.node_uuid,
                          .peer_address = hello.address};
    if (const format::Member* const known = find_member(hello.node_id)) {
      if (known->node_uuid == hello.node_uuid) member.client_address = known->client_address;
    }
    guests_[hello.node_id] = {std::move(member), committed_config()};
  }
  return Standing::kMember;
}

const format::Member* Replica::find_member(raft::NodeId node) const {
  const auto guest = guests_.find(node);
  if (guest != guests_.end() && is_valid(guest->second)) return &guest->second.member;
  for (const auto* members :
       {&memberships_->latest().membership.members, &parts_.members.membership().members}) {
    const auto found =
        std::ranges::find(*members, static_cast<std::uint64_t>(node), &format::Member::node_id);
    if (found != members->end()) return &*found;
  }
  return nullptr;
}

// The core knows members by their numbers.
raft::Message Replica::as_self_counts(const raft::Message& message) const {
  raft::Message seen = message;
  auto& append = std::get<raft::Append>(seen.body);
  for (raft::Entry& entry : append.entries) {
    if (!entry.config) continue;
    const auto membership = format::decode_membership(received_.at(entry.seq).body);
    KV_CHECK(membership.has_value());  // it was decoded when it came
    entry.config = std::make_shared<const raft::Config>(config_of(*membership, self_));
  }
  return seen;
}

void Replica::take_membership(const Held& held) {
  auto membership = format::decode_membership(held.body);
  KV_CHECK(membership.has_value());
  memberships_->append(held.header.sequence, std::move(*membership));
  has_news_of_members_ = true;
}

tl::expected<void, raft::Refusal> Replica::change_members(const MemberChange& change,
                                                          const raft::Instant& now) try {
  if (is_over()) return tl::unexpected(raft::Refusal::kNotLeader);
  tick(now);
  process();
  if (is_over() || core_->role() != raft::Role::kLeader) {
    return tl::unexpected(raft::Refusal::kNotLeader);
  }
  if (leading_ == 0) return tl::unexpected(raft::Refusal::kNotReady);
  if (change_) return tl::unexpected(raft::Refusal::kConfigPending);
  const raft::ConfigChange step{change.kind, raft::NodeId{change.member.node_id}, change.is_forced};
  const auto config = core_->try_config(step);
  if (!config) return tl::unexpected(config.error());
  Change next{step, changed(known_membership(), change)};
  if (!format::is_well_formed(next.membership)) return tl::unexpected(raft::Refusal::kInvalid);
  KV_CHECK(peer::config_of(next.membership) == *config);
  // What writers have in the log before it comes before it in the core's, too.
  const auto sequence = pipeline().append_config(format::encode_membership(next.membership));
  if (!sequence) return tl::unexpected(raft::Refusal::kBusy);
  next.sequence = *sequence;
  change_ = std::move(next);
  pipeline().flush(ReadMode::kNoWait);
  process();
  return {};
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(raft::Refusal::kNotLeader);
}

// What the store's own log has at the place that comes next. A change that the core does not take
// any more goes the way of every record that nobody has heard of.
tl::expected<raft::Point, raft::Refusal> Replica::propose(const format::RecordHeader& header) {
  const bool is_change = change_ && change_->sequence == header.sequence;
  if (!is_change) {
    KV_CHECK(header.type != format::RecordType::kConfig);
    return core_->propose(peer::payload_of(header));
  }
  // A full disk took it out, and this stands in its place.
  if (header.type != format::RecordType::kConfig) {
    change_.reset();
    return core_->propose(peer::payload_of(header));
  }
  const auto point = core_->change_config(change_->step);
  if (point) {
    memberships_->append(header.sequence, std::move(change_->membership));
    has_news_of_members_ = true;
  }
  change_.reset();
  return point;
}

void Replica::promote_learners(const raft::Instant& now) {
  if (is_over() || leading_ == 0 || change_) return;
  // Of a copy, as a change is another configuration.
  const std::vector<raft::NodeId> learners = core_->config().learners;
  for (const raft::NodeId learner : learners) {
    if (!core_->try_config({Kind::kPromote, learner})) continue;
    MemberChange promotion{Kind::kPromote, {.node_id = static_cast<std::uint64_t>(learner)}};
    if (change_members(promotion, now)) return;
  }
}

// A change at once; else now and then, so that the next start need not read far.
void Replica::note_members(bool is_due) {
  const format::MembersFile& file = parts_.members.content();
  const bool is_changed = memberships_->at(told_applied_).sequence > file.config_sequence;
  const bool is_far = bytes_appended_ - noted_bytes_ >= kNoteEveryBytes;
  if ((!is_changed && !is_far) || (has_no_room_ && !is_due)) return;
  has_no_room_ = !write_members();
}

// False: there is no room now, or it failed for good, which failure() says.
bool Replica::write_members() {
  const MembershipLog::At& at = memberships_->at(told_applied_);
  const auto written = parts_.members.advance(at.sequence, told_applied_, at.membership);
  if (!written) {
    if (written.error().code != Errc::kNoSpace) fail(written.error());
    return false;
  }
  noted_bytes_ = bytes_appended_;
  memberships_->forget_before(told_applied_);
  return true;
}

}  // namespace kv::node
