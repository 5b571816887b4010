#include "unit/raft/support/net.h"

#include <ostream>
#include <utility>

#include <doctest/doctest.h>

namespace kv::raft {

Net::Net(std::uint64_t voters, std::uint64_t others, const Settings& settings)
    : settings_(settings) {
  auto first = std::make_shared<Config>();
  for (std::uint64_t i = 1; i <= voters; ++i) first->voters.push_back(node(i));
  first->election_us = kElection;
  const auto none = std::make_shared<const Config>();
  for (std::uint64_t i = 1; i <= voters + others; ++i) {
    members_.emplace(i, i <= voters ? std::shared_ptr<const Config>(first) : none);
    start(i);
    pass(i, first->boot_silence_us());
  }
  if (voters > 1) drop_mail();
}

void Net::pass(std::uint64_t number, std::uint64_t time_us) {
  Member& one = member(number);
  one.now.boot_us += time_us;
  one.now.raw_us += time_us;
  one.core->tick(one.now);
  take(number);
}

void Net::pass(std::uint64_t time_us) {
  for (auto& [number, one] : members_) {
    if (one.core) pass(number, time_us);
  }
}

void Net::crash(std::uint64_t number) {
  Member& one = member(number);
  one.core.reset();
  one.log.lose_unsynced();
  one.unsynced.clear();
}

void Net::start(std::uint64_t number) {
  Member& one = member(number);
  Boot boot;
  boot.id = node(number);
  boot.hard_state = one.stable;
  boot.configs = one.log.written().configs();
  boot.applied = one.applied = one.log.floor().seq;
  boot.seed = 1000 + ++starts_;
  one.core = std::make_unique<Core>(boot, one.log, settings_, one.now);
  take(number);
}

void Net::take(std::uint64_t number) {
  Member& one = member(number);
  // What an immediate disk brings about is taken as well.
  for (int turn = 0; turn < 4; ++turn) {
    const Ready ready = one.core->take_ready();
    persist(number, ready);
    for (Message message : ready.messages) {
      attach(one, message);
      mail.push_back(std::move(message));
    }
    one.reads.insert(one.reads.end(), ready.reads.begin(), ready.reads.end());
    if (ready.role) one.roles.push_back(*ready.role);
    if (ready.alarm) one.alarms.push_back(*ready.alarm);
    if (!one.is_apply_held) apply(number);
  }
}

void Net::take_all() {
  for (auto& [number, one] : members_) {
    if (one.core) take(number);
  }
}

void Net::persist(std::uint64_t number, const Ready& ready) {
  Member& one = member(number);
  if (ready.hard_state) {
    one.unsynced.push_back(*ready.hard_state);
    if (!one.is_disk_held) sync_state(number);
  }
  if (ready.install) one.installs += 1;
  if (!ready.install && ready.append.empty()) return;
  one.log.write(ready);
  if (!one.is_disk_held) sync_log(number);
}

void Net::sync_log(std::uint64_t number) {
  Member& one = member(number);
  for (const LogWrite& write : one.log.sync_oldest()) one.core->disk_done(write);
}

void Net::sync_state(std::uint64_t number) {
  Member& one = member(number);
  one.stable = one.unsynced.front();
  one.unsynced.pop_front();
  one.core->hard_state_done(one.stable.version);
}

void Net::apply(std::uint64_t number) {
  Member& one = member(number);
  one.applied = one.core->commit();
  one.core->applied(one.applied);
}

void Net::attach(Member& sender, Message& message) {
  if (auto* append = std::get_if<Append>(&message.body)) {
    for (Seq seq = append->prev.seq + 1; seq <= append->last; ++seq) {
      append->entries.push_back(sender.log.written().entry_at(seq));
    }
  } else if (auto* snapshot = std::get_if<Snapshot>(&message.body)) {
    snapshot->config = sender.log.written().floor_config;
  }
}

void Net::deliver(const Message& message) {
  const auto to = static_cast<std::uint64_t>(message.to);
  const auto from = static_cast<std::uint64_t>(message.from);
  if (!members_.contains(to) || !member(to).core) return;
  if (member(to).is_cut || (members_.contains(from) && member(from).is_cut)) return;
  core(to).step(message);
  take(to);
}

void Net::settle() {
  take_all();
  for (int turn = 0; turn < 10'000; ++turn) {
    if (mail.empty()) return;
    const Message message = mail.front();
    mail.erase(mail.begin());
    deliver(message);
  }
  FAIL("they never come to an end");
}

std::vector<Message> Net::grab(const std::function<bool(const Message&)>& matches) {
  std::vector<Message> grabbed;
  std::erase_if(mail, [&](const Message& message) {
    if (!matches(message)) return false;
    grabbed.push_back(message);
    return true;
  });
  return grabbed;
}

void Net::elect(std::uint64_t number) {
  for (auto& [other, one] : members_) {
    if (!one.core || other == number || one.core->role() == Role::kLeader) continue;
    pass(other, kElection);
  }
  drop_mail();
  pass(number, 2 * kElection);
  settle();
  REQUIRE(core(number).role() == Role::kLeader);
}

Point Net::write(std::uint64_t leader, std::uint64_t value) {
  const Point point = append_unsent(leader, value);
  settle();
  return point;
}

Point Net::append_unsent(std::uint64_t leader, std::uint64_t value) {
  const auto point = core(leader).propose({.size = 100, .digest = value});
  REQUIRE(point.has_value());
  return *point;
}

}  // namespace kv::raft
