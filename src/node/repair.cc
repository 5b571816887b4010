#include "node/repair.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace kv::node {

namespace {

constexpr std::uint64_t kLookUs = 1'000'000;
// Until those are asked again who could not tell yet, and how often.
constexpr std::uint64_t kPutOffUs = 500'000;
constexpr std::uint32_t kAttempts = 10;

std::string_view cause_of(peer::RecordReply::State state) {
  using State = peer::RecordReply::State;
  if (state == State::kNotThere) return "has no such key";
  return state == State::kDamaged ? "cannot read its own" : "has another version, or is behind";
}

}  // namespace

void Repair::work(const raft::Core& core, bool is_whole, const raft::Instant& now) {
  now_ = now;
  const bool is_time = !looked_at_ || raft::longest_us(*looked_at_, now) >= kLookUs;
  if (!round_ && !is_time) return;
  if (is_time) {
    looked_at_ = now;
    look(core);
  }
  if (!round_ || !is_whole) return;
  if (question_ && raft::shortest_us(question_->since, now) >= kPatienceUs) {
    round_->silent.insert(question_->peer);
    note(question_->peer, "does not answer");
    question_.reset();
    is_waiting_ = false;
  }
  if (put_off_ && raft::shortest_us(*put_off_, now) >= kPutOffUs) {
    put_off_.reset();
    is_waiting_ = false;
  }
  advance();
}

// Who could be asked, and what is due; a round that is under way goes on.
void Repair::look(const raft::Core& core) {
  self_ = core.id();
  term_ = core.term();
  peers_.clear();
  for (const auto* const nodes : {&core.config().voters, &core.config().learners}) {
    for (const raft::NodeId node : *nodes) {
      if (node == core.id()) continue;
      peers_.insert(node == core.leader() ? peers_.begin() : peers_.end(), node);
    }
  }
  if (round_) return;
  const auto segments = store_.segments().all();
  std::set<format::SegmentId> there;
  auto round = std::make_shared<Round>();
  for (const auto& segment : *segments) {
    there.insert(segment->id());
    if (!is_due(*segment)) continue;
    round->search.segments.push_back(segment);
    round->looked[segment->id()] = {now_, segment->failed_reads};
  }
  std::erase_if(looked_, [&](const auto& one) { return !there.contains(one.first); });
  if (!round->search.segments.empty()) round_ = std::move(round);
}

bool Repair::is_due(const engine::Segment& segment) const {
  if (!segment.is_sealed) return false;
  const std::uint64_t failed_reads = segment.failed_reads;
  const auto found = looked_.find(segment.id());
  if (found == looked_.end()) return segment.is_damaged || failed_reads > 0;
  const Looked& looked = found->second;
  const std::uint64_t age_us = raft::shortest_us(looked.at, now_);
  const std::uint64_t rest_us = looked.left > 0 ? kRestLeftUs : kRestAfterReadUs;
  if (failed_reads != looked.failed_reads && age_us >= rest_us) return true;
  return (segment.is_damaged || looked.left > 0) && age_us >= kRestUs;
}

void Repair::advance() {
  while (round_ && !is_waiting_) {
    if (round_->at < round_->search.found.size()) {
      if (!round_->has_begun) begin_loss();
      ask_next();
    } else if (!round_->search.is_over) {
      search_on();
    } else {
      finish();
    }
  }
}

void Repair::search_on() {
  is_waiting_ = true;
  round_->search.found.clear();
  round_->at = 0;
  listener_.run_aside(
      [&store = store_, round = round_] {
        const auto snapshot = store.pipeline().snapshot([] {});
        store.record_repair().find_some(round->search, snapshot);
      },
      [this] {
        is_waiting_ = false;
        advance();
      });
}

void Repair::begin_loss() {
  round_->has_begun = true;
  round_->attempts = 0;
  round_->candidates.assign(peers_.begin(), peers_.end());
  round_->was_put_off = false;
  round_->causes.clear();
}

void Repair::ask_next() {
  if (store_.index().find(loss().key) != loss().place)
    return next_loss();  // written again, or moved
  auto& candidates = round_->candidates;
  while (!candidates.empty() && round_->silent.contains(candidates.front())) {
    note(candidates.front(), "does not answer");
    candidates.pop_front();
  }
  if (candidates.empty()) {
    if (!round_->was_put_off || ++round_->attempts >= kAttempts) return leave();
    const std::uint32_t attempts = round_->attempts;
    begin_loss();
    round_->attempts = attempts;
    put_off_ = now_;
    is_waiting_ = true;
    return;
  }
  question_ = Question{next_id_++, candidates.front(), now_};
  candidates.pop_front();
  is_waiting_ = true;
  peer::Gather frame;
  append_record_request(frame,
                        {{self_, question_->peer, term_}, question_->id, loss().as_of, loss().key});
  listener_.send(question_->peer, std::move(frame));
}

void Repair::receive(const peer::RecordFrame& frame, const raft::Core& core, bool is_whole,
                     const raft::Instant& now) {
  now_ = now;
  self_ = core.id();
  term_ = core.term();
  if (const auto* request = std::get_if<peer::RecordRequest>(&frame.body)) {
    serve(*request, is_whole);
  } else {
    take(std::get<peer::RecordReply>(frame.body), frame.payload);
  }
}

void Repair::take(const peer::RecordReply& reply,
                  const std::shared_ptr<const std::string>& payload) {
  using State = peer::RecordReply::State;
  if (!question_ || reply.envelope.from != question_->peer || reply.id != question_->id) return;
  const raft::NodeId peer = question_->peer;
  question_.reset();
  const bool is_of_key = reply.state != State::kFound || reply.key == loss().key;
  if (reply.state != State::kFound || !is_of_key || reply.header.sequence > loss().as_of) {
    round_->was_put_off = round_->was_put_off || reply.state == State::kLater;
    note(peer, cause_of(is_of_key ? reply.state : State::kNotThere));
    is_waiting_ = false;
    return advance();
  }
  const auto outcome = std::make_shared<Result<bool>>(false);
  listener_.run_aside(
      [&store = store_, round = round_, outcome, header = reply.header, value = reply.value,
       payload] { *outcome = store.put_back(round->search.found[round->at], header, value); },
      [this, outcome, peer, size = reply.value.size() + reply.key.size()] {
        is_waiting_ = false;
        if (!*outcome) {
          note(peer, describe(outcome->error()));
          return advance();
        }
        if (**outcome) {
          put_back_ += 1;
          round_->news.put_back += 1;
          round_->news.bytes += size;
          if (const auto segment = loss().segment.lock()) {
            round_->news.segment = segment->path();
            round_->mended.emplace(segment->id(), true);
          }
        }
        next_loss();
        advance();
      });
}

void Repair::note(raft::NodeId peer, std::string_view cause) {
  round_->causes += fmt::format("{}node {} {}", round_->causes.empty() ? "" : "; ",
                                static_cast<std::uint64_t>(peer), cause);
}

void Repair::leave() {
  const auto segment = loss().segment.lock();
  if (!segment) return next_loss();
  RepairNews& news = round_->news;
  if (++news.left == 1) {
    news.left_segment = segment->path();
    news.left_offset = loss().place.offset();
    news.cause = round_->causes.empty() ? "there is no other member" : round_->causes;
  }
  round_->looked[segment->id()].left += 1;
  next_loss();
}

void Repair::next_loss() {
  round_->at += 1;
  round_->has_begun = false;
}

// What was put back may have been all that was wrong.
void Repair::finish() {
  if (round_->mended.empty()) return finished();
  is_waiting_ = true;
  listener_.run_aside(
      [&store = store_, round = round_] {
        // What it cannot read now the scrubber comes back to.
        for (auto& [id, is_sound] : round->mended) is_sound = store.recheck(id).value_or(false);
      },
      [this] {
        is_waiting_ = false;
        finished();
      });
}

void Repair::finished() {
  const auto round = std::exchange(round_, nullptr);
  for (const auto& [id, looked] : round->looked) {
    looked_[id] = looked;
    looked_[id].at = now_;
  }
  if (round->news.put_back > 0 || round->news.left > 0) listener_.on_repair(round->news);
}

std::uint64_t Repair::left() const {
  std::uint64_t count = 0;
  for (const auto& [id, looked] : looked_) count += looked.left;
  return count;
}

void Repair::answer(const peer::Envelope& to, std::uint64_t id, peer::RecordReply::State state) {
  peer::RecordReply reply;
  reply.envelope = {self_, to.from, term_};
  reply.id = id;
  reply.state = state;
  peer::Gather frame;
  append_record_reply(frame, reply, nullptr);
  listener_.send(to.from, std::move(frame));
}

// One at a time for each member: who asks anew meanwhile hears nothing, and asks again.
void Repair::serve(const peer::RecordRequest& request, bool is_whole) {
  using State = peer::RecordReply::State;
  const peer::Envelope from = request.envelope;
  if (from.to != self_ || serving_.contains(from.from)) return;
  if (!is_whole || store_.pipeline().applied_sequence() < request.applied) {
    return answer(from, request.id, State::kLater);
  }
  serving_.insert(from.from);
  struct Copy {
    std::string key;
    Result<std::optional<StoreImpl::NewestRecord>> record;
  };
  const auto copy = std::make_shared<Copy>();
  copy->key = request.key;
  listener_.run_aside([&store = store_, copy] { copy->record = store.newest_record(copy->key); },
                      [this, copy, from, id = request.id, applied = request.applied] {
                        serving_.erase(from.from);
                        if (!copy->record) return answer(from, id, State::kDamaged);
                        if (!*copy->record) return answer(from, id, State::kNotThere);
                        const auto& found = **copy->record;
                        if (found.header.sequence > applied) return answer(from, id, State::kLater);
                        peer::RecordReply reply;
                        reply.envelope = {self_, from.from, term_};
                        reply.id = id;
                        reply.state = State::kFound;
                        reply.header = found.header;
                        reply.key = copy->key;
                        reply.value = found.value;
                        peer::Gather frame;
                        append_record_reply(frame, reply, copy);
                        listener_.send(from.from, std::move(frame));
                      });
}

}  // namespace kv::node
