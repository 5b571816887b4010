#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "raft/message.h"

namespace kv::raft {

// Messages on their way out. Rule D1: none leaves before the term and vote under which it was
// written are durable. Those that wait are few: a newer one of a kind takes the place of an older
// one to the same peer, and none outlives its term. Reads are each of their own, and those beyond
// `reads_max` are as good as lost on the way.
class Outbox {
 public:
  explicit Outbox(std::size_t reads_max) : reads_max_(reads_max) {}

  // `version` of the hard state must be durable, and `saved` is.
  void send(Message message, std::uint64_t version, std::uint64_t saved) {
    if (version <= saved) {
      ready_.push_back(std::move(message));
      return;
    }
    if (is_read(message)) {
      if (held_reads_ == reads_max_) return;
      held_reads_ += 1;
      held_.push_back({version, std::move(message)});
      return;
    }
    for (Held& held : held_) {
      if (held.message.to != message.to || held.message.body.index() != message.body.index())
        continue;
      held = {version, std::move(message)};
      return;
    }
    held_.push_back({version, std::move(message)});
  }
  void saved(std::uint64_t version, Term term) {
    for (Held& held : held_) {
      if (held.version <= version && held.message.term == term) {
        ready_.push_back(std::move(held.message));
      }
    }
    std::erase_if(held_, [&](const Held& held) {
      const bool is_over = held.version <= version || held.message.term != term;
      if (is_over && is_read(held.message)) held_reads_ -= 1;
      return is_over;
    });
  }
  std::vector<Message> take() { return std::exchange(ready_, {}); }
  bool is_empty() const { return ready_.empty(); }
  const std::vector<Message>& ready() const { return ready_; }
  std::size_t held() const { return held_.size(); }
  struct Held {
    std::uint64_t version = 0;
    Message message;
  };
  const std::deque<Held>& waiting() const { return held_; }

 private:
  static bool is_read(const Message& message) {
    return std::holds_alternative<ReadRequest>(message.body) ||
           std::holds_alternative<ReadReply>(message.body);
  }

  std::size_t reads_max_;
  std::vector<Message> ready_;
  std::deque<Held> held_;
  std::size_t held_reads_ = 0;
};

}  // namespace kv::raft
