#include "node/state_comparison.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kv::node {

namespace {

// Read in one go, before others of this node's files are; with a pause of a few milliseconds
// behind, so that comparing is no load.
constexpr std::size_t kKeysAtOnce = 4096;
constexpr std::uint64_t kFirstPauseUs = 500'000;
constexpr std::uint64_t kLastPauseUs = 60'000'000;
constexpr std::uint64_t kStoppedPauseUs = 50'000;
constexpr std::uint64_t kHandOverPauseUs = 5'000'000;

}  // namespace

// Shared with the job that reads.
struct StateComparison::Scan {
  Scan(StoreImpl& store, raft::NodeId node, StoreImpl::Comparison what)
      : self(node),
        sequence(what.sequence),
        scan(store.index(), store.segments(), std::move(what.pin), std::move(what.snapshot)) {}
  const raft::NodeId self;
  const raft::Seq sequence;
  engine::FingerprintScan scan;
  Result<bool> has_more = true;
  bool is_reading = false;
};

bool StateComparison::is_due(const raft::Instant& now) const {
  if (interval_us_ == 0 || scan_ != nullptr) return false;
  return !wrote_ || raft::shortest_us(*wrote_, now) >= interval_us_;
}

void StateComparison::work(const raft::Core& core, std::optional<raft::Seq> whole_from,
                           const raft::Instant& now) {
  now_ = now;
  if (stopped_ && raft::longest_us(*stopped_, now) >= kStopMaxUs) {
    stopped_.reset();
    stop_pause_us_ = std::clamp(2 * stop_pause_us_, 10 * kStopMaxUs, kLastPauseUs);
    pause_us_ = stop_pause_us_;
    sent_ = now;
  }
  begin_scan(core.id(), whole_from);
  go_on();
  if (own_ == nullptr) return;
  if (core.role() == raft::Role::kLeader) {
    if (!heard_.contains(core.id())) judge(core);
    return;
  }
  const bool is_time = !sent_ || raft::longest_us(*sent_, now) >= pause_us_;
  if (!is_answered_ && is_time && core.leader() != raft::kNoNode) send_own(core);
}

void StateComparison::begin_scan(raft::NodeId self, std::optional<raft::Seq> whole_from) {
  auto next = store_.take_comparison();
  if (scan_ != nullptr) return;  // or one that takes long would never end
  if (!next || !whole_from || next->sequence < *whole_from || stopped_) return;
  scan_ = std::make_shared<Scan>(store_, self, std::move(*next));
}

void StateComparison::go_on() {
  if (scan_ == nullptr || scan_->is_reading) return;
  scan_->is_reading = true;
  // What is left of these two may outlive the store, whose snapshot the scan has.
  const std::weak_ptr<Scan> weak = scan_;
  listener_.run_aside(
      [weak] {
        if (const auto scan = weak.lock()) scan->has_more = scan->scan.step(kKeysAtOnce);
      },
      [this, weak] {
        const auto scan = weak.lock();
        if (scan == nullptr || scan != scan_) return;
        scan->is_reading = false;
        if (!scan->has_more || !*scan->has_more) finish_scan(*scan);
      });
}

void StateComparison::finish_scan(const Scan& scan) {
  sequence_ = scan.sequence;
  own_ = nullptr;
  heard_.clear();
  right_ = nullptr;
  is_undecided_told_ = is_answered_ = false;
  sent_.reset();
  pause_us_ = 0;
  if (scan.has_more) {
    auto own = std::make_shared<format::StateFingerprint>(scan.scan.fingerprint());
    const auto hidden = store_.hidden_damage().any();
    if (hidden) own->sums[0] ^= static_cast<std::uint64_t>(scan.self);  // so it is nobody's
    own_ = std::move(own);
    if (hidden) tell(ComparisonNews::Kind::kMayLack, raft::kNoNode, hidden->context);
  } else {
    tell(ComparisonNews::Kind::kUnreadable, raft::kNoNode, scan.has_more.error().context);
  }
  wrote_ = now_;  // however long it took
  scan_ = nullptr;
}

void StateComparison::send_own(const raft::Core& core) {
  peer::Fingerprint own;
  own.envelope = {core.id(), core.leader(), core.term()};
  own.sequence = sequence_;
  own.wish = stopped_ ? peer::Fingerprint::Wish::kBeginAnew : peer::Fingerprint::Wish::kCompare;
  own.last = stopped_ ? last_ : 0;
  own.stop = stopped_ ? stop_ : 0;
  own.state = own_;
  peer::Gather frame;
  append_fingerprint(frame, own);
  listener_.send(core.leader(), std::move(frame));
  sent_ = now_;
  pause_us_ = stopped_ ? kStoppedPauseUs : std::clamp(2 * pause_us_, kFirstPauseUs, kLastPauseUs);
}

StateComparison::Wish StateComparison::receive(const peer::FingerprintFrame& frame,
                                               raft::Core& core, raft::Seq last,
                                               const raft::Instant& now) {
  using Verdict = peer::FingerprintReply::Verdict;
  now_ = now;
  if (const auto* asked = std::get_if<peer::Fingerprint>(&frame.body)) {
    answer(*asked, core);
    return Wish::kNone;
  }
  const auto& reply = std::get<peer::FingerprintReply>(frame.body);
  const bool is_from_leader = reply.envelope.term == core.term() &&
                              reply.envelope.from == core.leader() &&
                              core.role() == raft::Role::kFollower;
  if (!is_from_leader || own_ == nullptr || reply.sequence != sequence_) return Wish::kNone;
  if (reply.verdict == Verdict::kSame) {
    is_answered_ = true;
  } else if (reply.verdict == Verdict::kDiffers && !stopped_) {
    stopped_ = now;
    stop_ = static_cast<std::uint32_t>(now.raw_us) | 1;
    last_ = last;
    send_own(core);
  } else if (reply.verdict == Verdict::kReleased && stopped_ && reply.last == last_ &&
             reply.stop == stop_ && last == last_) {
    tell(ComparisonNews::Kind::kBeginsAnew, reply.envelope.from);
    return Wish::kBeginAnew;
  }
  return Wish::kNone;
}

// A member asks again until it is answered, so what comes too early is not kept.
void StateComparison::answer(const peer::Fingerprint& asked, raft::Core& core) {
  using Verdict = peer::FingerprintReply::Verdict;
  const bool is_mine = core.serves() && own_ != nullptr && asked.sequence == sequence_ &&
                       core.config().is_member(asked.envelope.from);
  if (!is_mine) return;
  heard_[asked.envelope.from] = asked.state;
  judge(core);
  if (right_ == nullptr || *right_ != *own_) return;
  if (*asked.state == *right_) return reply(asked, Verdict::kSame, core);
  // It stays while the others need it, or it could not get anything; it asks again.
  const bool may_go = core.can_release(asked.envelope.from) && can_serve_();
  if (asked.wish == peer::Fingerprint::Wish::kCompare) {
    tell(may_go ? ComparisonNews::Kind::kPeerDiffers : ComparisonNews::Kind::kPeerIsNeeded,
         asked.envelope.from);
    if (may_go) reply(asked, Verdict::kDiffers, core);
  } else if (may_go && core.release(asked.envelope.from)) {
    reply(asked, Verdict::kReleased, core);
  }
}

void StateComparison::reply(const peer::Fingerprint& to, peer::FingerprintReply::Verdict verdict,
                            const raft::Core& core) {
  peer::FingerprintReply reply;
  reply.envelope = {core.id(), to.envelope.from, core.term()};
  reply.sequence = sequence_;
  reply.verdict = verdict;
  if (verdict == peer::FingerprintReply::Verdict::kReleased) {
    reply.last = to.last;
    reply.stop = to.stop;
  }
  peer::Gather frame;
  append_fingerprint_reply(frame, reply);
  listener_.send(to.envelope.from, std::move(frame));
}

// Of the voters' states, this node's among them, the one that a majority has.
void StateComparison::judge(const raft::Core& core) {
  if (!core.serves()) return;
  heard_[core.id()] = own_;
  const raft::Config& config = core.config();
  std::vector<State> of_voters;
  for (const auto& [node, state] : heard_) {
    if (config.is_voter(node)) of_voters.push_back(state);
  }
  const bool was_known = right_ != nullptr;
  for (const State& state : of_voters) {
    const auto same =
        std::ranges::count_if(of_voters, [&](const State& other) { return *other == *state; });
    if (static_cast<std::size_t>(same) >= config.majority()) right_ = state;
  }
  if (right_ == nullptr) {
    const bool are_all_heard = of_voters.size() == config.voters.size();
    const bool is_news = are_all_heard && !std::exchange(is_undecided_told_, true);
    if (is_news) tell(ComparisonNews::Kind::kUndecided);
    return;
  }
  same_ = static_cast<std::uint64_t>(
      std::ranges::count_if(heard_, [this](const auto& one) { return *one.second == *right_; }));
  if (*right_ == *own_) {
    compared_ = sequence_;
    if (!was_known) tell(ComparisonNews::Kind::kSame);
    return;
  }
  if (was_known) return;
  tell(ComparisonNews::Kind::kSelfDiffers);
}

// Of the voters that are there and hold what is right, the one that has most of the log.
std::optional<raft::NodeId> StateComparison::take_successor(const raft::Core& core) {
  const bool differs = right_ != nullptr && own_ != nullptr && *right_ != *own_;
  const bool is_time = !handed_over_ || raft::longest_us(*handed_over_, now_) >= kHandOverPauseUs;
  if (!core.serves() || !differs || !is_time) return std::nullopt;
  std::optional<raft::NodeId> best;
  for (const auto& [node, progress] : core.peers()) {
    const auto heard = heard_.find(node);
    const bool is_right = heard != heard_.end() && *heard->second == *right_;
    const bool is_there =
        progress.heard && raft::longest_us(*progress.heard, now_) < core.config().election_us;
    if (!is_right || !is_there || !core.config().is_voter(node)) continue;
    if (!best || progress.match > core.peers().at(*best).match) best = node;
  }
  if (best) handed_over_ = now_;
  return best;
}

void StateComparison::tell(ComparisonNews::Kind kind, raft::NodeId peer, std::string cause) {
  ComparisonNews news;
  news.kind = kind;
  news.seq = sequence_;
  news.peer = peer;
  news.keys = own_ != nullptr ? own_->keys : 0;
  news.members = same_;
  const auto heard = heard_.find(peer);
  if (own_ != nullptr && heard != heard_.end()) {
    news.buckets = format::differing_buckets(*own_, *heard->second);
  } else if (own_ != nullptr && right_ != nullptr) {
    news.buckets = format::differing_buckets(*own_, *right_);
  }
  news.cause = std::move(cause);
  listener_.on_comparison(news);
}

}  // namespace kv::node
