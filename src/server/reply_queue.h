#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/store.h"
#include "protocol/request.h"
#include "server/output_buffer.h"

namespace kv::server {

using Time = std::chrono::steady_clock::time_point;

// A request whose writes are not acknowledged, and what its reply will need.
struct PendingWrite {
  PendingWrite() = default;
  PendingWrite(protocol::Verb its_verb, Time its_start, std::uint64_t its_bytes)
      : verb(its_verb), start(its_start), bytes(its_bytes) {}

  protocol::Verb verb = protocol::Verb::kPut;
  Time start;
  std::uint64_t bytes = 0;  // of its payload, held until it is answered
  std::string tag;
  std::uint64_t count = 0;              // BPUT: of its pairs; SESSION: the session
  std::uint32_t parts = 1;              // writes to be acknowledged yet
  std::uint32_t found = 0;              // of those that were, whose key was there
  std::unique_ptr<Error> failure;       // the first
  std::unique_ptr<ValueUpdate> update;  // of a write that has one
};

// The replies that one connection owes, in the order of its requests, whatever the order in which
// they become known. What all earlier ones are known of goes to the output. One thread.
class ReplyQueue {
 public:
  explicit ReplyQueue(OutputBuffer& output) : output_(output) {}

  // Nothing is awaited: the next reply goes straight to the output.
  bool empty() const { return front_ == slots_.size(); }
  std::size_t size() const { return slots_.size() - front_; }
  // Of the replies that wait here for earlier ones.
  std::size_t text_size() const { return text_size_; }
  std::uint64_t memory_used() const { return text_size_ + size() * sizeof(Slot); }

  // A reply that is known: append(std::string&) writes it.
  template <class Append>
  void add(Append append) {
    if (empty()) {
      append(output_.text());
      return;
    }
    slots_.emplace_back();
    fill(slots_.back(), append);
  }
  // One that is not; the number names it to complete().
  std::uint64_t add_pending(PendingWrite write) {
    slots_.emplace_back().write = std::move(write);
    return first_ + slots_.size() - 1;
  }
  PendingWrite& pending(std::uint64_t number) { return slots_[at(number)].write; }
  template <class Append>
  void complete(std::uint64_t number, Append append) {
    if (at(number) == front_) {
      append(output_.text());
      pop();
      move_known();
      return;
    }
    fill(slots_[at(number)], append);
  }

 private:
  struct Slot {
    PendingWrite write;
    std::string text;
    bool is_known = false;
  };

  template <class Append>
  void fill(Slot& slot, Append append) {
    slot.is_known = true;
    append(slot.text);
    text_size_ += slot.text.size();
  }
  std::size_t at(std::uint64_t number) const { return static_cast<std::size_t>(number - first_); }
  void pop();
  void move_known();

  OutputBuffer& output_;
  std::vector<Slot> slots_;  // from front_ on
  std::size_t front_ = 0;
  std::uint64_t first_ = 0;  // number of slots_[0]
  std::size_t text_size_ = 0;
};

}  // namespace kv::server
