#include "client/leader_search.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/address.h"

namespace kv::client {

std::optional<LeaderSearch::Milliseconds> LeaderSearch::after(const Failure& failure,
                                                              Clock::time_point now) {
  if (!end_) end_ = now + retry_for_;
  remember(failure);
  const bool goes_at_once = failure.kind != Failure::Kind::kBusy && (follow(failure) || go_on());
  const Milliseconds wait = goes_at_once ? Milliseconds(0) : next_wait();
  if (now + wait >= *end_) return std::nullopt;
  return wait;
}

void LeaderSearch::remember(const Failure& failure) {
  const std::string& address = servers_.current();
  auto found = std::find_if(asked_.begin(), asked_.end(),
                            [&](const Asked& one) { return one.address == address; });
  if (found == asked_.end()) found = asked_.insert(asked_.end(), {address, {}});
  found->answer = failure.text;
  found->is_no_leader = failure.kind == Failure::Kind::kNotLeader;
  found->is_gone = failure.kind == Failure::Kind::kGone;
  found->is_recent = true;
  if (failure.kind == Failure::Kind::kNotLeader) note_leader(failure);
  is_busy_ = failure.kind == Failure::Kind::kBusy;
  constexpr Milliseconds kWantedMax = std::chrono::hours(1);  // whatever a server dreams up
  wanted_ = std::max(wanted_, std::min(failure.wait, kWantedMax));
}

void LeaderSearch::note_leader(const Failure& failure) {
  if (failure.epoch < leader_epoch_) return;
  leader_epoch_ = failure.epoch;
  leader_ = parse_address(failure.leader) ? failure.leader : std::string_view();
}

// The leader that others name and that did not answer; null: it did, or nobody is named.
const LeaderSearch::Asked* LeaderSearch::hidden_leader() const {
  const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& one) {
    return one.is_gone && one.address == leader_;
  });
  return found == asked_.end() ? nullptr : &*found;
}

bool LeaderSearch::was_asked(std::string_view address) const {
  return std::any_of(asked_.begin(), asked_.end(),
                     [&](const Asked& one) { return one.is_recent && one.address == address; });
}

// A leader that was asked already since the last wait knows better than who names it, unless that
// one has heard of an election since. So two servers that name each other are no loop; the bound of
// hops is for those that make up epochs or addresses.
bool LeaderSearch::follow(const Failure& failure) {
  if (failure.kind != Failure::Kind::kNotLeader) return false;
  const bool is_newer = failure.epoch > servers_.epoch();
  const bool is_outdated = failure.epoch < servers_.epoch();
  servers_.see_epoch(failure.epoch);
  if (is_outdated || hops_ == kHopsMax || !parse_address(failure.leader)) return false;
  if (failure.leader == servers_.current()) return false;
  if (was_asked(failure.leader) && !is_newer) return false;
  hops_ += 1;
  servers_.go_to(failure.leader);
  return true;
}

// To the next server that was not asked since the last wait; false: there is none, and the current
// one is just the next.
bool LeaderSearch::go_on() {
  for (std::size_t i = 0; i < servers_.addresses().size(); ++i) {
    servers_.go_on();
    if (!was_asked(servers_.current())) return true;
  }
  servers_.go_on();
  return false;
}

LeaderSearch::Milliseconds LeaderSearch::next_wait() {
  constexpr int kDoublings = 5;  // enough for kWaitMax
  const Milliseconds grown = kWaitFirst * (1 << std::min(waits_, kDoublings));
  const Milliseconds least = std::max(std::min(grown, kWaitMax), wanted_);
  std::uniform_int_distribution<Milliseconds::rep> more(0, least.count() / 2);
  waits_ += 1;
  hops_ = 0;
  wanted_ = Milliseconds(0);
  for (Asked& one : asked_) one.is_recent = false;
  return least + Milliseconds(more(random_));
}

Error LeaderSearch::give_up(Error last) const {
  if (retry_for_.count() == 0) return last;
  const bool has_no_leader =
      !is_busy_ &&
      std::any_of(asked_.begin(), asked_.end(), [](const Asked& one) { return one.is_no_leader; });
  const auto ms = retry_for_.count();
  const std::string time =
      ms % 1000 == 0 ? fmt::format("{} s", ms / 1000) : fmt::format("{} ms", ms);
  std::string text =
      fmt::format("no {} took the request within {}", has_no_leader ? "leader" : "server", time);
  for (const Asked& one : asked_) text += "; " + one.answer;
  if (const Asked* const hidden = has_no_leader ? hidden_leader() : nullptr) {
    text += fmt::format("; a node leads at {}, but it cannot be reached from here: {}",
                        hidden->address, hidden->answer);
  } else if (has_no_leader) {
    text += "; a cluster has a leader while more than half of its servers reach each other";
  }
  return {has_no_leader ? Errc::kNotLeader : last.code, std::move(text), {}};
}

void LeaderSearch::start_over() {
  end_.reset();
  asked_.clear();
  leader_.clear();
  leader_epoch_ = 0;
  hops_ = 0;
  waits_ = 0;
  wanted_ = Milliseconds(0);
}

}  // namespace kv::client
