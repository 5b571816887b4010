#include "unit/etcd/support/etcd.h"

namespace kv::etcd {

void FakeEtcd::expire(Time now) {
  std::erase_if(leases_, [now](const auto& lease) { return lease.second.end <= now; });
  if (key_ && key_->lease != 0 && !leases_.contains(key_->lease)) key_.reset();
}

Reply FakeEtcd::answer(const Request& request, Time now) {
  expire(now);
  Reply reply{.kind = Reply::Kind::kDone, .number = request.number};
  const bool knows_lease = leases_.contains(request.lease);
  switch (request.kind) {
    case Request::Kind::kGrant:
      reply.lease = ++granted_;
      reply.ttl = request.ttl;
      leases_[reply.lease] = {request.ttl, now + request.ttl};
      return reply;
    case Request::Kind::kKeepAlive:
      if (!knows_lease) reply.kind = Reply::Kind::kNoLease;
      if (!knows_lease) return reply;
      reply.ttl = leases_[request.lease].ttl;
      leases_[request.lease].end = now + reply.ttl;
      return reply;
    case Request::Kind::kRevoke:
      if (leases_.erase(request.lease) == 0) reply.kind = Reply::Kind::kNoLease;
      expire(now);
      return reply;
    case Request::Kind::kPut:
      if ((key_ ? key_->modified : 0) != request.modified) {
        reply.key = key_;
        return reply;
      }
      if (!knows_lease) reply.kind = Reply::Kind::kNoLease;
      if (!knows_lease) return reply;
      key_ = Key{.claim = request.claim, .lease = request.lease, .modified = ++revision_};
      reply.has_put = true;
      reply.revision = revision_;
      return reply;
    case Request::Kind::kLook:
      break;
  }
  reply.key = key_;
  return reply;
}

void FakeEtcd::put(std::uint64_t node_id, LeaseId lease) {
  key_ = Key{.claim = {.node_id = node_id}, .lease = lease, .modified = ++revision_};
}

const std::optional<Key>& FakeEtcd::key(Time now) {
  expire(now);
  return key_;
}

std::size_t FakeEtcd::leases(Time now) {
  expire(now);
  return leases_.size();
}

}  // namespace kv::etcd
