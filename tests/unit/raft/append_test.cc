#include <memory>
#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Alarm;
using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Entry;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Point;
using kv::raft::Seq;
using kv::raft::Term;
using kv::raft::VoteRequest;

namespace {

// Node 1 of three follows; the test writes the leaders' logs, chains included.
struct Follower {
  Net net{3};
  std::vector<Entry> entries;  // of the leader whose word the test speaks

  Point end() const { return entries.empty() ? Point{.chain = 1} : entries.back().point(); }
  Point at(Seq seq) const { return seq == 0 ? Point{.chain = 1} : entries[seq - 1].point(); }
  void add(Term term, std::uint64_t value = 7) {
    Entry entry{.term = term, .seq = entries.size() + 1, .size = 10, .digest = value};
    entry.chain = kv::sim::chain_of(end().chain, entry);
    entries.push_back(entry);
  }
  // Those behind `prev` up to `last` arrive in that leader's name.
  AppendReply send(std::uint64_t from, Term term, Seq prev, Seq last, Seq commit = 0) {
    net.drop_mail();
    Append append{.prev = at(prev), .last = last, .commit = commit, .round = ++round_};
    for (Seq seq = prev + 1; seq <= last; ++seq) append.entries.push_back(entries[seq - 1]);
    net.deliver({.from = node(from), .to = node(1), .term = term, .body = append});
    const auto replies = net.grab_all<AppendReply>();
    if (replies.empty()) return {};
    // The last one knows most.
    return std::get<AppendReply>(replies.back().body);
  }

  std::uint64_t round_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Follower, "records are taken behind the one that both have") {
  add(1);
  add(1);
  add(1);
  CHECK(send(2, 1, 0, 2).durable == 2);
  CHECK(send(2, 1, 2, 3).durable == 3);
  CHECK(net.core(1).last() == at(3));
  CHECK(net.core(1).leader() == node(2));
  SUBCASE("once, however often they come") {
    CHECK(send(2, 1, 0, 2).durable == 3);
    CHECK(net.core(1).last() == at(3));
  }
}

TEST_CASE_FIXTURE(Follower, "a gap is refused with the end of our log") {
  for (int i = 0; i < 5; ++i) add(1);
  send(2, 1, 0, 2);
  const AppendReply reply = send(2, 1, 4, 5);
  REQUIRE(reply.conflict.has_value());
  CHECK(reply.conflict->prev == 4);
  CHECK(reply.conflict->term == 0);
  CHECK(reply.conflict->last == 2);
  CHECK(net.core(1).last().seq == 2);
}

TEST_CASE_FIXTURE(Follower, "a record of another term is refused with that term's first record") {
  add(1);
  for (int i = 0; i < 4; ++i) add(2);
  send(2, 2, 0, 5);
  Follower other;
  add(2);
  entries.resize(1);
  for (int i = 0; i < 5; ++i) add(4);
  const AppendReply reply = send(3, 4, 5, 6);
  REQUIRE(reply.conflict.has_value());
  CHECK(reply.conflict->term == 2);
  CHECK(reply.conflict->first == 2);
  CHECK(reply.conflict->last == 5);
}

TEST_CASE_FIXTURE(Follower, "a newer leader's records override those not committed") {
  for (int i = 0; i < 4; ++i) add(1);
  send(2, 1, 0, 4, 2);
  entries.resize(2);
  add(3);
  const AppendReply reply = send(3, 3, 2, 3);
  CHECK(reply.durable == 3);
  CHECK(net.core(1).last() == at(3));
  CHECK(net.member(1).log.written().last_seq() == 3);
}

TEST_CASE_FIXTURE(Follower, "an earlier append that comes late cuts nothing off") {
  for (int i = 0; i < 4; ++i) add(1);
  send(2, 1, 0, 4);
  CHECK(send(2, 1, 0, 2).matched == 4);
  CHECK(net.core(1).last().seq == 4);
}

TEST_CASE_FIXTURE(Follower,
                  "committed is what the leader says, up to what is known to be the leader's") {
  for (int i = 0; i < 3; ++i) add(1);
  send(2, 1, 0, 3, 1);
  CHECK(net.core(1).commit() == 1);
  // A heartbeat behind the first record proves nothing of the two behind it.
  entries.resize(1);
  add(2);
  add(2);
  add(2);
  send(3, 2, 1, 1, 4);
  CHECK(net.core(1).commit() == 1);
  send(3, 2, 1, 3, 4);
  CHECK(net.core(1).commit() == 3);
  SUBCASE("and never goes back") {
    send(3, 2, 3, 3, 1);
    CHECK(net.core(1).commit() == 3);
  }
}

TEST_CASE_FIXTURE(Follower, "that it heard is told at once, what is durable when it is") {
  net.member(1).is_disk_held = true;
  add(1);
  // The term has to be on the disk before anything is said in it.
  CHECK(send(2, 1, 0, 1).round == 0);
  net.sync_state(1);
  net.take(1);
  CHECK(net.grab_all<AppendReply>().size() == 1);
  add(1);
  const AppendReply reply = send(2, 1, 1, 2);
  CHECK(reply.round == 2);
  CHECK(reply.matched == 2);
  CHECK(reply.durable == 0);
  net.sync_log(1);
  net.take(1);
  const auto replies = net.grab_all<AppendReply>();
  REQUIRE(replies.size() == 1);
  CHECK(std::get<AppendReply>(replies[0].body).durable == 1);
}

TEST_CASE_FIXTURE(Follower,
                  "same term and number with another chain: the node takes no part any more") {
  add(1, 7);
  add(1, 8);
  send(2, 1, 0, 2);
  entries.resize(1);
  add(1, 9);
  SUBCASE("found in the record before") {
    add(1);
    send(2, 1, 2, 3);
  }
  SUBCASE("found in a record that comes again") { send(2, 1, 1, 2); }
  CHECK(net.core(1).is_quarantined());
  REQUIRE(net.member(1).alarms.size() == 1);
  CHECK(net.member(1).alarms[0].ours != net.member(1).alarms[0].theirs);
  CHECK(net.member(1).alarms[0].kind == Alarm::Kind::kLogsDiffer);
  net.pass(1, 5 * Net::kElection);
  CHECK(net.mail.empty());
  // Nor after a restart.
  net.crash(1);
  net.start(1);
  CHECK(net.core(1).is_quarantined());
  // An answer would carry the round.
  CHECK(send(2, 1, 0, 1).round == 0);
  net.pass(1, 5 * Net::kElection);
  net.deliver({.from = node(3),
               .to = node(1),
               .term = 9,
               .body = VoteRequest{.last = {.term = 9, .seq = 9}}});
  CHECK(net.mail.empty());
  CHECK(net.core(1).term() == 1);
}

TEST_CASE_FIXTURE(Follower,
                  "what no two correct leaders could do stops the node, not the process") {
  for (int i = 0; i < 3; ++i) add(1);
  send(2, 1, 0, 3, 2);
  REQUIRE(net.core(1).commit() == 2);
  Alarm::Kind expected = Alarm::Kind::kTwoLeaders;
  SUBCASE("two lead one term") { send(3, 1, 3, 3); }
  SUBCASE("one leads ours") {
    net.pass(1, 3 * Net::kElection);
    net.elect(1);
    send(3, net.core(1).term(), 3, 3);
  }
  SUBCASE("two send snapshots in one term") {
    net.deliver({.from = node(3),
                 .to = node(1),
                 .term = 1,
                 .body = kv::raft::Snapshot{
                     .point = at(3),
                     .config = std::make_shared<const kv::raft::Config>(net.core(1).config()),
                     .round = 1}});
  }
  SUBCASE("a committed record is overridden") {
    entries.resize(1);
    add(5);
    send(3, 5, 1, 2);
    expected = Alarm::Kind::kCommitOverridden;
  }
  CHECK(net.core(1).is_quarantined());
  REQUIRE(net.member(1).alarms.size() == 1);
  CHECK(net.member(1).alarms[0].kind == expected);
  CHECK(net.member(1).alarms[0].peer == node(3));
  CHECK(net.core(1).role() == kv::raft::Role::kFollower);
  CHECK(net.member(1).stable.is_quarantined);
}

TEST_CASE_FIXTURE(Follower, "an append that no leader could have sent is ignored") {
  add(1);
  add(1);
  net.drop_mail();
  Append append{.prev = at(0), .last = 2, .round = 1, .entries = {entries[1]}};
  SUBCASE("records are missing") {}
  SUBCASE("they make a configuration in which nobody votes") {
    append.last = 1;
    append.entries = {entries[0]};
    append.entries[0].kind = kv::raft::EntryKind::kConfig;
    append.entries[0].config = std::make_shared<const kv::raft::Config>();
  }
  SUBCASE("they are in the wrong order") { append.entries = {entries[1], entries[0]}; }
  SUBCASE("they are of a later term than the leader's") {
    add(9);
    append = {.prev = at(2), .last = 3, .round = 1, .entries = {entries[2]}};
  }
  net.deliver({.from = node(2), .to = node(1), .term = 1, .body = append});
  CHECK(net.core(1).last().seq == 0);
  CHECK(net.mail.empty());
}

TEST_CASE_FIXTURE(Follower,
                  "who waits for a record that was never handed out hears that it is gone") {
  net.elect(1);
  net.append_unsent(1);
  net.append_unsent(1);
  REQUIRE(net.core(1).last().seq == 3);
  add(1);
  entries[0] = Entry{.term = 1, .seq = 1, .kind = kv::raft::EntryKind::kNoop};
  entries[0].chain = kv::sim::chain_of(1, entries[0]);
  REQUIRE(at(1) == net.member(1).log.point_at(1));
  add(3);
  Append append{.prev = at(1), .last = 2, .round = 1, .entries = {entries[1]}};
  net.core(1).step({.from = node(2), .to = node(1), .term = 3, .body = append});
  const auto ready = net.core(1).take_ready();
  CHECK_FALSE(ready.truncate_from.has_value());
  CHECK(ready.rolled_back_from == 2);
  REQUIRE(ready.append.size() == 1);
  CHECK(ready.append[0].term == 3);
}

// etcd-io/raft calls this the ABA race of asynchronous storage: the same record is written,
// overridden and written again, and the first write's completion comes last.
TEST_CASE_FIXTURE(Follower,
                  "a completion from before the log changed says nothing of the log after") {
  net.member(1).is_disk_held = true;
  add(1);
  add(1);
  send(2, 1, 0, 2);
  const std::vector<Entry> first = entries;
  entries.resize(1);
  add(2);
  send(3, 2, 1, 2);
  entries = first;
  add(4);
  send(2, 4, 1, 3);
  REQUIRE(net.core(1).last() == at(3));
  while (!net.member(1).unsynced.empty()) net.sync_state(1);
  net.take(1);
  net.drop_mail();
  net.sync_log(1);
  CHECK(net.core(1).durable() == 0);
  net.sync_log(1);
  CHECK(net.core(1).durable() == 0);
  net.sync_log(1);
  CHECK(net.core(1).durable() == 3);
  // Late as they are, the disk is done with all of them: nothing keeps the node from campaigning.
  net.pass(1, 2 * Net::kElection);
  CHECK(net.core(1).role() == kv::raft::Role::kPreCandidate);
}

TEST_CASE_FIXTURE(Follower,
                  "a long write that a shorter one overrides does not seem to last for ever") {
  net.member(1).is_disk_held = true;
  for (int i = 0; i < 9; ++i) add(1);
  send(2, 1, 0, 9);
  entries.resize(1);
  add(2);
  send(3, 2, 1, 2);
  while (!net.member(1).unsynced.empty()) net.sync_state(1);
  while (net.member(1).log.unsynced() > 0) net.sync_log(1);
  REQUIRE(net.core(1).durable() == 2);
  net.pass(1, 2 * Net::kElection);
  CHECK(net.core(1).role() == kv::raft::Role::kPreCandidate);
}
