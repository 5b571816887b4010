// How a worker goes where the leader of a cluster goes.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/worker.h"

namespace kv::bench {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};

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
  if (!gap_since_) {
    gap_since_ = now;
    gap_turn_ = turns_[index];
  }
  if (away_.empty()) {
    away_since_ = look_at_ = now;
    away_why_ = std::move(why);
  }
  away_.push_back(index);
  return {};
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

// Connections that were lost, once somebody leads. The error: there was nobody for too long.
Result<void> Worker::bring_back() {
  if (away_.empty() || Clock::now() < look_at_ || is_over_) return {};
  std::uint64_t turn = 0;
  for (const std::uint32_t index : away_) turn = std::max(turn, turns_[index]);
  const auto place = leader_->behind(turn);
  if (place && reopen_at(*place)) return {};
  const auto now = Clock::now();
  look_at_ = now + kBetweenLooks;
  const bool is_alone = away_.size() == connections_.size();
  if (!is_alone || now - away_since_ < patience_) return {};
  Error error = away_why_;
  error.context =
      fmt::format("nobody leads, or can be reached, since {} s; at first: {}",
                  std::chrono::duration_cast<std::chrono::seconds>(now - away_since_).count(),
                  kv::describe(away_why_));
  error.cause = {};
  return tl::unexpected(std::move(error));
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
