#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Progress;
using kv::raft::Refusal;
using kv::raft::Seq;
using kv::raft::Settings;

namespace {

const Progress& progress(Net& net, std::uint64_t peer) {
  return net.core(1).peers().at(node(peer));
}

}  // namespace

TEST_CASE("a record goes to everybody and is committed when a majority has it on disk") {
  Net net(3);
  net.elect(1);
  const auto point = net.write(1);
  CHECK(point.seq == 2);
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    CAPTURE(number);
    CHECK(net.core(number).last() == point);
    CHECK(net.core(number).commit() == 2);
  }
}

TEST_CASE("records that come together go together, and more go before the answers are back") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 5; ++i) net.append_unsent(1);
  net.take(1);
  auto appends = net.grab_all<Append>();
  REQUIRE(appends.size() == 2);
  CHECK(std::get<Append>(appends[0].body).entries.size() == 5);
  net.append_unsent(1);
  net.take(1);
  appends = net.grab_all<Append>();
  REQUIRE(appends.size() == 2);
  CHECK(std::get<Append>(appends[0].body).prev.seq == 6);
  CHECK(std::get<Append>(appends[0].body).last == 7);
}

TEST_CASE("what is on the way to a peer is bounded, and goes on with its answers") {
  Settings settings;
  settings.append_records_max = 2;
  SUBCASE("in messages") { settings.inflight_messages_max = 3; }
  SUBCASE("in bytes") { settings.inflight_bytes_max = 600; }
  Net net(3, 0, settings);
  net.elect(1);
  for (int i = 0; i < 20; ++i) net.append_unsent(1);
  net.take(1);
  CHECK(net.mail.size() == 6);
  CHECK(progress(net, 2).inflight_messages() == 3);
  net.settle();
  CHECK(net.core(2).last().seq == 21);
  CHECK(progress(net, 2).inflight_messages() == 0);
  CHECK(progress(net, 2).inflight_bytes() == 0);
}

TEST_CASE("what a peer's slow disk does not have yet stays on its way when the leader goes back") {
  Settings settings;
  settings.append_records_max = 1;
  settings.inflight_bytes_max = 300;
  Net net(3, 0, settings);
  net.elect(1);
  net.member(2).is_disk_held = true;
  for (int i = 0; i < 20; ++i) net.append_unsent(1);
  for (int i = 0; i < 10; ++i) {
    // Of what is sent to node 2 the last is lost each time.
    net.take(1);
    auto appends = net.grab([](const Message& message) {
      const auto* append = std::get_if<Append>(&message.body);
      return append != nullptr && message.to == node(2) && !append->entries.empty();
    });
    if (!appends.empty()) appends.pop_back();
    for (const Message& message : appends) net.deliver(message);
    net.settle();
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  CHECK(net.core(2).last().seq <= 5);
  CHECK(progress(net, 2).inflight_bytes() <= 300);
  net.member(2).is_disk_held = false;
  while (net.member(2).log.unsynced() > 0) net.sync_log(2);
  net.settle();
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).last().seq == 21);
}

TEST_CASE("a lost append is noticed by the next heartbeat") {
  Net net(3);
  net.elect(1);
  net.append_unsent(1);
  net.take(1);
  net.drop_mail();
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).last().seq == 2);
  CHECK(net.core(3).commit() == 2);
}

TEST_CASE("a follower with a long tail of others' records is found out by whole terms") {
  Net net(3);
  net.elect(1);
  net.write(1);
  // Node 1 alone gets many records of its term, node 2 then leads with few.
  net.cut(1);
  for (int i = 0; i < 50; ++i) net.append_unsent(1);
  net.take(1);
  net.drop_mail();
  net.elect(2);
  net.write(2);
  net.heal(1);
  int rejections = 0;
  net.pass(2, Net::kElection / 10);
  for (int turn = 0; turn < 200 && !net.mail.empty(); ++turn) {
    const Message message = net.mail.front();
    net.mail.erase(net.mail.begin());
    const auto* reply = std::get_if<AppendReply>(&message.body);
    if (reply != nullptr && reply->conflict) ++rejections;
    net.deliver(message);
  }
  CHECK(net.core(1).last() == net.core(2).last());
  CHECK(rejections <= 2);
}

TEST_CASE("rejections of what was sent before the leader went back are not heard") {
  Net net(3);
  net.elect(1);
  net.cut(2);
  for (int i = 0; i < 4; ++i) net.write(1);
  net.heal(2);
  net.pass(1, Net::kElection / 10);
  for (const Message& message : net.grab_all<Append>()) net.deliver(message);
  auto rejections = net.grab([](const Message& message) {
    const auto* reply = std::get_if<AppendReply>(&message.body);
    return reply != nullptr && reply->conflict.has_value();
  });
  REQUIRE_FALSE(rejections.empty());
  const Message stale = rejections.front();
  net.deliver(stale);
  net.settle();
  REQUIRE(progress(net, 2).state == Progress::State::kReplicate);
  REQUIRE(progress(net, 2).match == 5);
  net.deliver(stale);
  CHECK(progress(net, 2).state == Progress::State::kReplicate);
  CHECK(progress(net, 2).next == 6);
}

TEST_CASE("an answer to a leader of an earlier term says nothing of where the peer is") {
  Net net(3);
  net.elect(1);
  net.pass(1, Net::kElection / 10);
  const auto old = net.grab([](const Message& message) {
    return std::holds_alternative<Append>(message.body) && message.to == node(2);
  });
  REQUIRE(old.size() == 1);
  net.settle();
  net.pass(1, 2 * Net::kElection);
  net.cut(2);
  net.elect(1);
  REQUIRE(net.core(1).term() == 2);
  net.heal(2);
  // Node 2 knows the term and did not hear its leader yet.
  net.drop_mail();
  net.deliver({.from = node(3), .to = node(2), .term = 2, .body = AppendReply{}});
  net.deliver(old[0]);
  const auto answers = net.grab_all<AppendReply>();
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].term == 2);
  net.deliver(answers[0]);
  CHECK(progress(net, 2).state == Progress::State::kProbe);
  CHECK(progress(net, 2).match == 0);
}

TEST_CASE("answers from before the state of a peer changed last do not change it") {
  Net net(3);
  net.elect(1);
  net.write(1);
  const auto round = progress(net, 2).reset_round;
  REQUIRE(progress(net, 2).state == Progress::State::kReplicate);
  net.append_unsent(1);
  net.take(1);
  net.drop_mail();
  const auto answer = [&](kv::raft::Round of, kv::raft::Seq prev) {
    AppendReply reply{.round = of, .matched = 2, .durable = 2};
    reply.conflict = kv::raft::Conflict{.prev = prev, .last = 2};
    return Message{.from = node(2), .to = node(1), .term = 1, .body = reply};
  };
  net.deliver(answer(round - 1, 3));
  CHECK(progress(net, 2).state == Progress::State::kReplicate);
  SUBCASE("nor do those that no append of ours asked for") {
    net.deliver(answer(round, 4));
    CHECK(progress(net, 2).state == Progress::State::kReplicate);
  }
  SUBCASE("a later one does") {
    net.deliver(answer(round, 3));
    CHECK(progress(net, 2).state == Progress::State::kProbe);
    net.drop_mail();
    AppendReply reply{.round = round, .matched = 2, .durable = 2};
    net.deliver({.from = node(2), .to = node(1), .term = 1, .body = reply});
    CHECK(progress(net, 2).state == Progress::State::kProbe);
  }
}

TEST_CASE("an answer that comes twice or late takes nothing back") {
  Net net(3);
  net.elect(1);
  net.append_unsent(1);
  net.take(1);
  for (const Message& message : net.grab_all<Append>()) net.deliver(message);
  const auto replies = net.grab_all<AppendReply>();
  for (const Message& reply : replies) net.deliver(reply);
  net.settle();
  net.write(1);
  for (const Message& reply : replies) net.deliver(reply);
  CHECK(progress(net, 2).match == 3);
  CHECK(net.core(1).commit() == 3);
}

TEST_CASE("a peer that lost records and does not know of it is told of") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 4; ++i) net.write(1);
  REQUIRE(progress(net, 2).match == 5);
  net.crash(2);
  SUBCASE("its disk forgot") {
    net.member(2).log.damage_from(3);
    net.start(2);
    for (int i = 0; i < 5; ++i) {
      net.pass(1, Net::kElection / 10);
      net.settle();
    }
    REQUIRE(net.member(1).alarms.size() == 1);
    CHECK(net.member(1).alarms[0].kind == kv::raft::Alarm::Kind::kPeerForgot);
    CHECK(net.member(1).alarms[0].peer == node(2));
    CHECK(net.member(1).alarms[0].theirs.seq == 2);
    CHECK(net.core(1).role() == kv::raft::Role::kLeader);
    CHECK_FALSE(net.core(1).is_quarantined());
    INFO("its log is only too short: it is filled again");
    CHECK(net.core(2).last() == net.core(1).last());
    CHECK(progress(net, 2).match == 5);
    net.write(1);
    CHECK(progress(net, 2).match == 6);
  }
  SUBCASE("its disk forgot, and it knew that this was committed") {
    net.member(2).stable.commit_hint = 4;
    net.member(2).stable.commit_hint_term = 1;
    net.member(2).log.damage_from(3);
    net.start(2);
    CHECK(net.core(2).is_damaged());
    net.pass(1, Net::kElection / 10);
    net.settle();
    CHECK(net.member(1).alarms.empty());
    CHECK(net.core(2).last() == net.core(1).last());
    CHECK_FALSE(net.core(2).is_damaged());
  }
  SUBCASE("not one whose answers came late") {
    AppendReply reply{.round = progress(net, 2).match_round, .matched = 2, .durable = 2};
    reply.conflict = kv::raft::Conflict{.prev = 4, .last = 2};
    net.deliver({.from = node(2), .to = node(1), .term = 1, .body = reply});
    CHECK(net.member(1).alarms.empty());
  }
}

TEST_CASE("an answer that claims more than the leader has is ignored") {
  Net net(3);
  net.elect(1);
  net.deliver({.from = node(2),
               .to = node(1),
               .term = 1,
               .body = AppendReply{.round = 1, .matched = 99, .durable = 99}});
  CHECK(progress(net, 2).match == 1);
}

TEST_CASE("what waits for a majority is bounded; one record goes through however large it is") {
  Settings settings;
  settings.uncommitted_bytes_max = 1000;
  Net net(3, 0, settings);
  net.elect(1);
  net.cut(1);
  CHECK(net.core(1).propose({.size = 5000}).has_value());
  CHECK(net.core(1).propose({.size = 1}).error() == Refusal::kBusy);
  net.heal(1);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).commit() == 2);
  CHECK(net.core(1).propose({.size = 1}).has_value());
}

TEST_CASE("an idle follower learns at once what was committed") {
  Net net(3);
  net.elect(1);
  net.write(1);
  CHECK(net.core(2).commit() == 2);
}

TEST_CASE("only a leader takes proposals") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(2).propose({.size = 1}).error() == Refusal::kNotLeader);
}

TEST_CASE("a peer is let go only while the others have all that is committed, and counts no more") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 3; ++i) net.write(1);
  CHECK(net.core(2).release(node(3)).error() == Refusal::kNotLeader);
  CHECK(net.core(1).release(node(4)).error() == Refusal::kInvalid);
  net.cut(2);
  net.write(1);
  const Seq last = net.core(1).commit();
  REQUIRE(net.core(1).last().seq == last);
  CHECK(net.core(1).release(node(3)).error() == Refusal::kNotReady);
  CHECK(progress(net, 3).match == last);
  net.heal(2);
  net.pass(1, Net::kElection / 10);
  net.settle();
  REQUIRE(progress(net, 2).match == last);
  // What it said of its disk before it heard of this does not count.
  net.cut(2);
  REQUIRE(net.core(1).propose({.size = 64, .digest = 1}).has_value());
  net.take(1);
  for (const Message& append : net.grab_all<Append>()) {
    if (append.to == node(3)) net.deliver(append);
  }
  net.take(3);
  const std::vector<Message> late = net.grab_all<AppendReply>();
  REQUIRE_FALSE(late.empty());
  REQUIRE(net.core(1).release(node(3)).has_value());
  for (const Message& reply : late) net.deliver(reply);
  CHECK(net.core(1).commit() == last);
  CHECK(progress(net, 3).match == 0);
  // What it says later does.
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).commit() == last + 1);
}
