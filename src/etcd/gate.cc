#include "etcd/gate.h"

#include <utility>

#include "base/check.h"

namespace kv::etcd {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookPause{1000};      // of who needs nothing, or leads
constexpr milliseconds kRetryPause{200};      // of who waits for the key, or for etcd
constexpr milliseconds kLostPatience{1000};   // in which a leader may get its key back
constexpr milliseconds kHandOverPause{5000};  // between two attempts
// Of a lease and of elections.
constexpr int kKeepAlives = 4;
constexpr int kCandidateElections = 3;
constexpr int kYieldElections = 2;
constexpr int kRivalLeases = 4;
constexpr int kRefusedShare = 4;

}  // namespace

Gate::Gate(Options options, Time now)
    : options_(std::move(options)), answered_(now), look_due_(now), retry_due_(now), led_(now) {
  KV_CHECK(options_.node_id != 0);
  KV_CHECK(options_.ttl >= std::chrono::seconds(2));
}

bool Gate::holds() const {
  return lease_ && key_ && key_->claim.node_id == options_.node_id && key_->lease == lease_->id;
}

void Gate::note(const Node& node, Time now) {
  const bool has_lost_lead = node_.leads && !node.leads;
  node_ = node;
  if (lease_ && now >= lease_->end) forget_lease(now);
  if (node_.leads || node_.leader != 0) led_ = now;
  is_free_ = now - led_ >= options_.limit || now - answered_ >= options_.limit;
  if (!node_.leads || holds()) lost_.reset();
  if (is_yielding_ && (node_.leads || now >= yields_until_)) is_yielding_ = false;
  if (has_lost_lead && holds()) yield(now);  // the others did not follow it any more
  note_candidate(now);
  note_rival(now);
}

// It ran out, or etcd does not know it: the key under it is gone, or about to go.
void Gate::forget_lease(Time now) {
  if (holds()) {
    key_.reset();
    if (node_.leads && !node_.is_transferring) lost_ = now;
  }
  lease_.reset();
  published_term_ = 0;
  retry_due_ = now;
}

// Whoever has the key keeps all others from campaigning. So it gives it up when it does not win:
// soon if the others refuse it, as then they have a better log, or hear a leader; and in any case
// after a while, as perhaps it does not even reach them. Then one of them has time to take the key.
void Gate::note_candidate(Time now) {
  const bool is_candidate = holds() && !node_.leads && !is_yielding_;
  if (!is_candidate) candidate_since_.reset();
  if (!is_candidate || !node_.is_refused) refused_since_.reset();
  if (!is_candidate) return;
  if (!candidate_since_) candidate_since_ = now;
  if (!refused_since_ && node_.is_refused) refused_since_ = now;
  const bool is_refused = refused_since_ && now - *refused_since_ >= node_.election / kRefusedShare;
  if (is_refused || now - *candidate_since_ >= kCandidateElections * node_.election) yield(now);
}

void Gate::yield(Time now) {
  is_yielding_ = true;
  yields_until_ = now + kYieldElections * node_.election + kLookPause;
  candidate_since_.reset();
  refused_since_.reset();
}

// A key that is another node's, as a leader sees it. A person's stays as it is; a node's is about
// to go: it expires, or that node gives it up, as it hears this one.
void Gate::note_rival(Time now) {
  const bool is_rival = node_.leads && key_ && key_->claim.node_id != 0 && !holds() &&
                        key_->claim.node_id != options_.node_id;
  if (!is_rival) return rival_since_.reset();
  if (rival_since_ && rival_ == *key_) return;
  rival_ = *key_;
  rival_since_ = now;
}

std::optional<std::uint64_t> Gate::hand_over_to(Time now) const {
  if (!node_.serves || node_.is_transferring) return std::nullopt;
  if (handed_over_ && now - *handed_over_ < kHandOverPause) return std::nullopt;
  if (rival_since_) {
    const bool is_wish = rival_.lease == 0;
    if (!is_wish && now - *rival_since_ < kRivalLeases * options_.ttl) return std::nullopt;
    return rival_.claim.node_id;
  }
  const bool is_strict = options_.policy == Policy::kStrict;
  if (is_strict && lost_ && now - *lost_ >= kLostPatience) return 0;
  return std::nullopt;
}

bool Gate::wants_key() const {
  if (node_.leads) return !node_.is_transferring;
  return node_.wants_to_lead && !is_yielding_;
}

// Not when an election was lost a moment ago: nobody may lead yet.
bool Gate::should_release() const {
  if (!lease_) return false;
  if (node_.leads) return node_.is_transferring;
  if (is_yielding_ || node_.leader != 0) return true;
  return !holds() && !node_.wants_to_lead;
}

// A key of an earlier life of this node, which follows: an etcd that was away for a while lets all
// leases begin anew, and the leader would take it for a wish.
bool Gate::has_old_key() const {
  return !lease_ && key_ && key_->claim.node_id == options_.node_id && key_->lease != 0 &&
         !node_.leads && node_.leader != 0;
}

std::optional<Request> Gate::next(Time now) {
  if (asked_) return std::nullopt;
  auto request = want(now);
  if (!request) return std::nullopt;
  request->number = ++requests_;
  asked_ = request;
  sent_ = now;
  return request;
}

std::optional<Request> Gate::want(Time now) const {
  using Kind = Request::Kind;
  const bool may_retry = now >= retry_due_;
  if (should_release()) {
    return may_retry ? std::optional(Request{.kind = Kind::kRevoke, .lease = lease_->id})
                     : std::nullopt;
  }
  if (may_retry && has_old_key()) return Request{.kind = Kind::kRevoke, .lease = key_->lease};
  if (lease_ && may_retry && now - lease_->asked >= milliseconds(options_.ttl) / kKeepAlives) {
    return Request{.kind = Kind::kKeepAlive, .lease = lease_->id};
  }
  if (wants_key() && may_retry) {
    if (!lease_) return Request{.kind = Kind::kGrant, .ttl = options_.ttl};
    const bool is_news = node_.serves && published_term_ != node_.term;
    if (!holds() || is_news) return put();
  }
  if (may_retry && now >= look_due_) return Request{.kind = Kind::kLook};
  return std::nullopt;
}

// A key that names this node is taken over as it stands; another one's not.
Request Gate::put() const {
  Request request{.kind = Request::Kind::kPut, .lease = lease_->id};
  if (key_ && key_->claim.node_id == options_.node_id) request.modified = key_->modified;
  request.claim = {.node_id = options_.node_id, .address = options_.address};
  if (node_.serves) {
    request.claim.term = node_.term;
    request.claim.seq = node_.commit;
  }
  return request;
}

void Gate::done(const Reply& reply, Time now) {
  if (!asked_ || reply.number != asked_->number) return;
  using Kind = Request::Kind;
  const Request asked = *std::exchange(asked_, std::nullopt);
  is_reachable_ = reply.kind != Reply::Kind::kFailed;
  if (!is_reachable_) {
    cause_ = reply.cause;
    retry_due_ = now + kRetryPause;
    return;
  }
  answered_ = now;
  const bool is_of_lease = lease_ && asked.lease == lease_->id;
  switch (asked.kind) {
    case Kind::kGrant:
      lease_ = Lease{reply.lease, sent_, sent_ + reply.ttl};
      return;
    case Kind::kKeepAlive:
      if (!is_of_lease) return;
      if (reply.kind == Reply::Kind::kNoLease) return forget_lease(now);
      lease_->asked = sent_;
      lease_->end = sent_ + reply.ttl;
      return;
    case Kind::kRevoke:
      if (key_ && key_->lease == asked.lease) key_.reset();
      if (is_of_lease) lease_.reset();
      published_term_ = 0;
      look_due_ = now;
      return;
    case Kind::kPut:
      if (reply.kind == Reply::Kind::kNoLease) {
        if (is_of_lease) forget_lease(now);
        retry_due_ = now + kRetryPause;  // who grants it does not know of it: not at once again
        return;
      }
      return on_put(asked, reply, now);
    case Kind::kLook:
      look_due_ = now + kLookPause;
      key_ = reply.key;
      return;
  }
}

void Gate::on_put(const Request& asked, const Reply& reply, Time now) {
  look_due_ = now + kLookPause;
  if (reply.has_put) {
    key_ = Key{asked.claim, asked.lease, reply.revision};
    published_term_ = asked.claim.term;
    return;
  }
  key_ = reply.key;
  // One that names this node is taken over at once; an own one that came late is its already.
  if (key_ && key_->claim.node_id == options_.node_id) return;
  retry_due_ = now + (node_.leads ? kLookPause : kRetryPause);
}

}  // namespace kv::etcd
