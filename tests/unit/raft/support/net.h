#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "raft/core.h"
#include "sim/memory_log.h"

namespace kv::raft {

inline NodeId node(std::uint64_t number) { return NodeId{number}; }

// A few cores in one room. Messages and the disk wait until the test says go on, so that a test is
// a story told step by step; nothing is random and no time passes by itself.
class Net {
 public:
  static constexpr std::uint64_t kElection = 1'000'000;  // us, of the first configuration

  struct Member {
    explicit Member(std::shared_ptr<const Config> config) : log(std::move(config)) {}
    sim::MemoryLog log;
    HardState stable;
    std::deque<HardState> unsynced;
    std::unique_ptr<Core> core;
    Instant now = {.boot_us = 1, .raw_us = 1};
    Seq applied = 0;
    bool is_disk_held = false;
    bool is_apply_held = false;
    bool is_cut = false;
    std::vector<ReadResult> reads;
    std::vector<RoleChange> roles;
    std::vector<Alarm> alarms;
    std::uint64_t installs = 0;
  };

  // Nodes 1 .. voters vote, `others` are no members yet. Boot silence is over.
  explicit Net(std::uint64_t voters, std::uint64_t others = 0, const Settings& settings = {});

  Member& member(std::uint64_t number) { return members_.at(number); }
  Core& core(std::uint64_t number) { return *members_.at(number).core; }

  // Moves one node's clocks, or all of them, and ticks.
  void pass(std::uint64_t number, std::uint64_t time_us);
  void pass(std::uint64_t time_us);
  void crash(std::uint64_t number);
  void start(std::uint64_t number);
  void cut(std::uint64_t number) { member(number).is_cut = true; }
  void heal(std::uint64_t number) { member(number).is_cut = false; }

  // Takes what the core has to say. Messages lie in `mail`.
  void take(std::uint64_t number);
  void take_all();
  // The held disk finishes its oldest write, of the log or of the hard state.
  void sync_log(std::uint64_t number);
  void sync_state(std::uint64_t number);
  void apply(std::uint64_t number);
  // Delivers what lies there, and what that brings about, until nobody says anything more.
  void settle();
  void deliver(const Message& message);
  // Takes those that match out of the mail.
  std::vector<Message> grab(const std::function<bool(const Message&)>& matches);
  void drop_mail() { mail.clear(); }
  template <class Body>
  std::vector<Message> grab_all() {
    return grab([](const Message& message) { return std::holds_alternative<Body>(message.body); });
  }

  // Stories that tests begin with. They fail the test if it comes out otherwise.
  void elect(std::uint64_t number);
  // Proposes on the leader and settles; the record's place.
  Point write(std::uint64_t leader, std::uint64_t value = 7);
  Point append_unsent(std::uint64_t leader, std::uint64_t value = 7);

  std::vector<Message> mail;

 private:
  void persist(std::uint64_t number, const Ready& ready);
  void attach(Member& sender, Message& message);

  const Settings settings_;
  std::map<std::uint64_t, Member> members_;
  std::uint64_t starts_ = 0;
};

}  // namespace kv::raft
