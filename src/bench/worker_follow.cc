// How a worker goes where the leader of a cluster goes.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/worker.h"

namespace kv::bench {

namespace {

// Between questions to the Destination, which itself looks less often.
constexpr std::chrono::milliseconds kBetweenTries{10};

}  // namespace

void Worker::follow(Destination& leader, std::chrono::milliseconds patience) {
  leader_ = &leader;
  patience_ = patience;
}

// The connection serves no more. What is pending on it was not served as far as anybody knows, and
// it is opened again where the leader is. The error: there is nobody else to ask.
Result<void> Worker::lose(std::uint32_t index, Error why) {
  if (leader_ == nullptr) return tl::unexpected(std::move(why));
  LoadConnection& connection = connections_[index];
  const auto now = Clock::now();
  for (; connection.pending() > 0; connection.pop()) {
    count_unserved(connection.oldest(), kv::describe(why));
    pending_ -= 1;
  }
  connection.close();
  waits_for_room_[index] = 0;
  is_stale_[index] = 0;
  note_loss(index, std::move(why), now);
  away_.push_back(index);
  return {};
}

void Worker::note_loss(std::uint32_t index, Error why, Clock::time_point now) {
  if (!gap_since_) {
    gap_since_ = now;
    gap_turn_ = turns_[index];
  }
  if (!unserved_since_) {
    unserved_since_ = now;
    unserved_turn_ = *std::max_element(turns_.begin(), turns_.end());
    was_in_vain_ = false;
    lost_first_ = why;
  }
  was_in_vain_ = was_in_vain_ || turns_[index] > unserved_turn_;
  lost_last_ = std::move(why);
}

// Of an answer by one that leads, whatever it says.
void Worker::note_served(std::uint32_t index, Clock::time_point now) {
  unserved_since_.reset();
  if (!gap_since_ || turns_[index] <= gap_turn_) return;
  tally_->gap_max = std::max<std::chrono::nanoseconds>(tally_->gap_max, now - *gap_since_);
  gap_since_.reset();
}

void Worker::count_unserved(const Pending& request, const std::string& why) {
  if (tally_->first_unserved.empty()) tally_->first_unserved = why;
  if (request.counts) tally_->line(request.operation).unserved += 1;
  if (source_->takes_back(request.key)) {
    is_over_ = false;
  } else if (request.operation == Operation::kInsert) {
    source_->not_inserted(request.key);
  }
}

// Connections that were lost, once somebody leads. The error: for too long nobody did, or whoever
// was found served nothing.
Result<void> Worker::bring_back() {
  if (away_.empty() || is_over_) return {};
  const auto begun = Clock::now();
  if (begun < look_at_) return {};
  const bool is_in_vain = unserved_since_ && was_in_vain_;
  if (is_in_vain && begun - *unserved_since_ >= patience_) return end_of_patience(begun, true);
  std::uint64_t turn = 0;
  for (const std::uint32_t index : away_) turn = std::max(turn, turns_[index]);
  const auto look = leader_->behind(turn);
  const bool is_back = look.place && reopen_at(*look.place);
  const auto now = Clock::now();
  look_at_ = now + kBetweenTries;
  // Nobody listened meanwhile: who was not heard was not silent.
  for (LoadConnection& connection : connections_) connection.heard_at += now - begun;
  const bool is_alone = away_.size() == connections_.size();
  if (is_back || !look.is_over || !is_alone) return {};
  if (now - unserved_since_.value_or(now) < patience_) return {};
  return end_of_patience(now, false);
}

Result<void> Worker::end_of_patience(Clock::time_point now, bool is_reached) const {
  const auto time = now - unserved_since_.value_or(now);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  const Error& why = is_reached ? lost_last_ : lost_first_;
  return tl::unexpected(
      Error{why.code,
            fmt::format("{}, since {} s; at {}: {}",
                        is_reached ? "who is said to lead serves nothing"
                                   : "nobody leads, or can be reached",
                        seconds, is_reached ? "last" : "first", kv::describe(why)),
            {}});
}

// False: it takes no connections, and the next place has to be another one.
bool Worker::reopen_at(const Destination::Place& place) {
  address_ = place.address;
  while (!away_.empty()) {
    const std::uint32_t index = away_.back();
    turns_[index] = place.turn;
    if (!connections_[index].reopen(place.address, timeout_) || !watch(index)) return false;
    away_.pop_back();
    ready_.push(index);
  }
  return true;
}

}  // namespace kv::bench
