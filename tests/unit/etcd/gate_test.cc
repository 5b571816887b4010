#include "etcd/gate.h"

#include <ostream>
#include <vector>

#include <doctest/doctest.h>

#include "unit/etcd/support/etcd.h"

using kv::etcd::Claim;
using kv::etcd::FakeEtcd;
using kv::etcd::Gate;
using kv::etcd::Key;
using kv::etcd::Reply;
using kv::etcd::Request;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Request::Kind;

namespace {

// One node with its gate, and an etcd that answers at once, or not at all.
class Story {
 public:
  explicit Story(Gate::Policy policy = Gate::Policy::kFailsafe, FakeEtcd* shared = nullptr,
                 std::uint64_t node_id = 1)
      : etcd(shared == nullptr ? own_ : *shared),
        gate({.node_id = node_id, .address = "a:1", .ttl = seconds(3), .policy = policy}, now) {
    node.election = milliseconds(700);
  }

  // Time passes in small steps; what is asked is answered, or fails after a while.
  void pass(milliseconds time) {
    for (milliseconds step(0); step < time; step += kStep) {
      now += kStep;
      gate.note(node, now);
      if (failing_ && now >= fails_) fail();
      for (int requests = 0; !failing_; ++requests) {
        REQUIRE(requests < 10);
        const auto request = gate.next(now);
        if (!request) break;
        asked.push_back(*request);
        if (!is_etcd_up) {
          failing_ = request->number;
          fails_ = now + milliseconds(100);
          break;
        }
        gate.done(etcd.answer(*request, now), now);
      }
      gate.note(node, now);
    }
  }

  // What raft makes of this node.
  void want() { node = {.wants_to_lead = true, .election = node.election}; }
  void follow(std::uint64_t leader) { node = {.leader = leader, .election = node.election}; }
  void lead(std::uint64_t term = 5) {
    node = {.leads = true,
            .serves = true,
            .leader = gate_id(),
            .term = term,
            .commit = 40 + term,
            .election = node.election};
  }
  std::uint64_t gate_id() const { return 1; }
  void take_key() {
    want();
    pass(milliseconds(100));
    REQUIRE(gate.holds());
  }
  std::size_t count(Kind kind) const {
    std::size_t count = 0;
    for (const Request& request : asked) count += request.kind == kind ? 1U : 0U;
    return count;
  }
  std::uint64_t owner() {
    const auto& key = etcd.key(now);
    return key ? key->claim.node_id : 0;
  }

  Gate::Time now{std::chrono::hours(1)};
  FakeEtcd own_;
  FakeEtcd& etcd;
  bool is_etcd_up = true;
  Gate gate;
  Gate::Node node;
  std::vector<Request> asked;

 private:
  static constexpr milliseconds kStep{10};

  void fail() {
    gate.done({.kind = Reply::Kind::kFailed, .number = *failing_, .cause = "no answer"}, now);
    failing_.reset();
  }

  std::optional<std::uint64_t> failing_;
  Gate::Time fails_;
};

}  // namespace

TEST_CASE("a node that wants nothing looks who has the key, and takes no lease") {
  Story story;
  story.follow(2);
  story.etcd.put(2);
  story.pass(seconds(10));
  CHECK(story.gate.holder() == 2);
  CHECK(story.gate.is_reachable());
  CHECK_FALSE(story.gate.may_campaign());
  CHECK(story.asked.size() == story.count(Kind::kLook));
  CHECK(story.asked.size() <= 11);
  CHECK(story.etcd.leases(story.now) == 0);
}

TEST_CASE("a node that wants to lead takes a lease and the key, and may campaign then") {
  Story story;
  story.want();
  story.gate.note(story.node, story.now);
  CHECK_FALSE(story.gate.may_campaign());
  story.pass(milliseconds(20));
  REQUIRE(story.asked.size() >= 2);
  CHECK(story.asked[0].kind == Kind::kGrant);
  CHECK(story.asked[1].kind == Kind::kPut);
  CHECK(story.asked[1].modified == 0);
  CHECK(story.gate.holds());
  CHECK(story.gate.may_campaign());
  CHECK(story.owner() == 1);
  SUBCASE("it leads, and writes what: once a term") {
    story.lead(7);
    story.pass(milliseconds(100));
    REQUIRE(story.etcd.key(story.now).has_value());
    CHECK(story.etcd.key(story.now)->claim ==
          Claim{.node_id = 1, .address = "a:1", .term = 7, .seq = 47});
    story.pass(seconds(60));
    CHECK(story.owner() == 1);
    CHECK(story.count(Kind::kPut) == 2);
    CHECK(story.count(Kind::kGrant) == 1);
    story.lead(8);
    story.pass(milliseconds(100));
    CHECK(story.etcd.key(story.now)->claim.term == 8);
  }
  SUBCASE("not before its first record is committed") {
    story.lead(7);
    story.node.serves = false;
    story.pass(seconds(1));
    CHECK(story.etcd.key(story.now)->claim.term == 0);
  }
}

TEST_CASE("two gates never hold the key at once, and the second takes it when the first is gone") {
  FakeEtcd etcd;
  Story one(Gate::Policy::kFailsafe, &etcd, 1);
  Story two(Gate::Policy::kFailsafe, &etcd, 2);
  one.take_key();
  one.lead();
  one.pass(milliseconds(100));
  two.now = one.now;
  two.want();
  two.pass(seconds(2));
  CHECK_FALSE(two.gate.may_campaign());
  CHECK(two.gate.holder() == 1);
  // The first one died: its lease runs out.
  two.pass(seconds(2));
  CHECK(two.gate.holds());
  CHECK(two.gate.may_campaign());
}

TEST_CASE("a holder that is refused gives the key up at once and yields for a while") {
  Story story;
  story.take_key();
  story.node.is_refused = true;
  story.pass(milliseconds(100));
  CHECK(story.gate.may_campaign());  // a voter may have promised its vote a moment ago
  story.pass(milliseconds(100));
  CHECK_FALSE(story.gate.may_campaign());
  CHECK(story.owner() == 0);
  CHECK(story.etcd.leases(story.now) == 0);
  story.node.is_refused = false;
  const auto puts = story.count(Kind::kPut);
  story.pass(seconds(2));
  CHECK(story.count(Kind::kPut) == puts);
  CHECK(story.owner() == 0);
  story.pass(seconds(1));
  CHECK(story.gate.may_campaign());
}

TEST_CASE("a holder that is refused campaigns no more, whether etcd hears of it or not") {
  Story story;
  story.take_key();
  story.is_etcd_up = false;
  story.node.is_refused = true;
  story.pass(milliseconds(300));
  CHECK(story.owner() == 1);
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("a refusal that does not last is none") {
  Story story;
  story.take_key();
  for (int i = 0; i < 10; ++i) {
    story.node.is_refused = !story.node.is_refused;
    story.pass(milliseconds(100));
    CHECK(story.gate.may_campaign());
  }
}

TEST_CASE("the node with the better log gets its turn while the stale one yields") {
  FakeEtcd etcd;
  Story stale(Gate::Policy::kFailsafe, &etcd, 1);
  Story good(Gate::Policy::kFailsafe, &etcd, 2);
  stale.take_key();
  good.want();
  for (int i = 0; i < 100 && !good.gate.may_campaign(); ++i) {
    stale.node.is_refused = stale.gate.may_campaign();
    stale.pass(milliseconds(10));
    good.now = stale.now - milliseconds(10);
    good.pass(milliseconds(10));
  }
  CHECK(good.gate.may_campaign());
  CHECK_FALSE(stale.gate.may_campaign());
}

TEST_CASE("a holder that nobody answers gives the key up after a while") {
  Story story;
  story.take_key();
  story.pass(milliseconds(1900));
  CHECK(story.gate.may_campaign());
  story.pass(milliseconds(300));
  CHECK_FALSE(story.gate.may_campaign());
  CHECK(story.owner() == 0);
}

TEST_CASE("a holder that hears another leader gives the key up") {
  Story story;
  story.take_key();
  story.follow(2);
  story.pass(milliseconds(20));
  CHECK(story.owner() == 0);
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("a holder that lost an election a moment ago keeps the key for the next one") {
  Story story;
  story.take_key();
  story.node.wants_to_lead = false;
  story.pass(milliseconds(500));
  CHECK(story.owner() == 1);
  CHECK(story.count(Kind::kRevoke) == 0);
}

TEST_CASE("a leader that hands over gives the key up, and the next one takes it") {
  FakeEtcd etcd;
  Story from(Gate::Policy::kFailsafe, &etcd, 1);
  Story to(Gate::Policy::kFailsafe, &etcd, 2);
  from.take_key();
  from.lead();
  from.pass(milliseconds(100));
  from.node.is_transferring = true;
  from.pass(milliseconds(20));
  CHECK(from.owner() == 0);
  SUBCASE("which campaigned without it") {
    to.now = from.now;
    to.lead(6);
    to.pass(milliseconds(20));
    CHECK(to.gate.holds());
    CHECK(etcd.key(to.now)->claim.term == 6);
  }
  SUBCASE("or it takes it back, if nobody came") {
    from.node.is_transferring = false;
    from.pass(milliseconds(20));
    CHECK(from.gate.holds());
    CHECK(etcd.key(from.now)->claim.term == 5);
  }
}

TEST_CASE("a leader that the others do not follow any more yields") {
  Story story;
  story.take_key();
  story.lead();
  story.pass(milliseconds(100));
  story.want();
  story.pass(milliseconds(20));
  CHECK_FALSE(story.gate.may_campaign());
  CHECK(story.owner() == 0);
  story.pass(seconds(4));
  CHECK(story.gate.may_campaign());
}

TEST_CASE("a leader whose lease runs out") {
  const auto lose = [](Story& story) {
    story.take_key();
    story.lead();
    story.pass(milliseconds(100));
    story.is_etcd_up = false;
    story.pass(seconds(2));
    CHECK(story.gate.holds());
    CHECK_FALSE(story.gate.is_reachable());
    story.pass(milliseconds(1500));
    CHECK_FALSE(story.gate.holds());
    story.pass(milliseconds(1000));
  };
  SUBCASE("leads on, by failsafe, and takes the key when etcd is back") {
    Story story;
    lose(story);
    story.pass(seconds(60));
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
    story.is_etcd_up = true;
    story.pass(seconds(1));
    CHECK(story.gate.holds());
    CHECK(story.gate.is_reachable());
    CHECK(story.etcd.key(story.now)->claim.term == 5);
  }
  SUBCASE("hands over, by strict") {
    Story story(Gate::Policy::kStrict);
    lose(story);
    CHECK(story.gate.hand_over_to(story.now) == 0);
    story.gate.handed_over(story.now);
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
    story.pass(seconds(6));
    CHECK(story.gate.hand_over_to(story.now) == 0);  // it came to nothing
    SUBCASE("until the key is back") {
      story.is_etcd_up = true;
      story.pass(seconds(1));
      CHECK(story.gate.holds());
      CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
    }
    SUBCASE("until it does not lead any more") {
      story.follow(2);
      story.pass(seconds(1));
      story.lead(9);
      story.pass(seconds(10));
      CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());  // it never had the key
    }
  }
}

TEST_CASE("a leader by strict that never had the key leads on") {
  Story story(Gate::Policy::kStrict);
  story.is_etcd_up = false;
  story.lead();
  story.pass(seconds(100));
  CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
}

TEST_CASE("an etcd that forgot the lease is asked for another one") {
  Story story(Gate::Policy::kStrict);
  story.take_key();
  story.lead();
  story.pass(milliseconds(100));
  story.etcd.forget_leases();
  story.pass(seconds(1));
  CHECK(story.gate.holds());
  CHECK(story.owner() == 1);
  CHECK(story.count(Kind::kGrant) == 2);
  CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
}

TEST_CASE("a candidate whose lease runs out may not campaign any more") {
  Story story;
  story.node.election = seconds(60);
  story.take_key();
  story.is_etcd_up = false;
  story.pass(milliseconds(3100));
  CHECK_FALSE(story.gate.holds());
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("without etcd a node waits for as long as the limit says, and campaigns then") {
  Story story;
  SUBCASE("from its start on") {
    story.is_etcd_up = false;
    story.want();
  }
  SUBCASE("from etcd's last answer on") {
    story.follow(2);
    story.pass(milliseconds(10));
    story.is_etcd_up = false;
    story.want();
  }
  story.pass(milliseconds(29'800));
  CHECK_FALSE(story.gate.may_campaign());
  story.pass(milliseconds(400));
  CHECK(story.gate.may_campaign());
  CHECK(story.gate.is_free());
  CHECK(story.gate.cause() == "no answer");
  story.is_etcd_up = true;
  story.etcd.put(2);
  story.follow(2);
  story.pass(seconds(1));
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("an etcd that was away for long before the leader died costs no more time") {
  Story story;
  story.is_etcd_up = false;
  story.follow(2);
  story.pass(seconds(31));
  story.want();
  story.pass(milliseconds(10));
  CHECK(story.gate.may_campaign());
}

TEST_CASE("no key keeps a cluster without a leader for longer than the limit") {
  Story story;
  story.etcd.put(2);  // a person's, and node 2 is dead
  SUBCASE("one that names nobody") { story.etcd.put(0); }
  SUBCASE("one of a node") {}
  story.want();
  story.pass(milliseconds(29'900));
  CHECK_FALSE(story.gate.may_campaign());
  CHECK(story.gate.is_reachable());
  story.pass(milliseconds(200));
  CHECK(story.gate.may_campaign());
  story.lead();
  story.pass(milliseconds(20));
  CHECK_FALSE(story.gate.is_free());
}

TEST_CASE("a leader hands over to whom a person named") {
  Story story;
  story.take_key();
  story.lead();
  story.pass(milliseconds(100));
  story.etcd.put(3);
  story.pass(milliseconds(1100));
  CHECK_FALSE(story.gate.holds());
  CHECK(story.gate.holder() == 3);
  CHECK(story.gate.hand_over_to(story.now) == 3);
  CHECK(story.owner() == 3);  // its wish stays
  story.gate.handed_over(story.now);
  story.pass(seconds(1));
  CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  story.pass(seconds(5));
  CHECK(story.gate.hand_over_to(story.now) == 3);
  SUBCASE("not while it does so") {
    story.node.is_transferring = true;
    story.pass(milliseconds(10));
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  }
  SUBCASE("and leads on with its key when that is taken back") {
    story.etcd.remove();
    story.pass(seconds(2));
    CHECK(story.gate.holds());
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  }
  SUBCASE("not to nobody") {
    story.etcd.put(0);
    story.pass(seconds(2));
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  }
}

TEST_CASE("a leader waits for another node's key to go before it hands over to that node") {
  Story story;
  const auto other = story.etcd.answer({.kind = Kind::kGrant, .ttl = seconds(20)}, story.now);
  story.etcd.put(2, other.lease);
  story.lead();
  story.pass(seconds(5));
  CHECK(story.gate.holder() == 2);
  CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  SUBCASE("it goes") {
    story.etcd.remove();
    story.pass(milliseconds(1500));
    CHECK(story.gate.holds());
  }
  SUBCASE("it is another one meanwhile") {
    story.etcd.put(2, other.lease);
    story.pass(seconds(10));
    CHECK_FALSE(story.gate.hand_over_to(story.now).has_value());
  }
  SUBCASE("it stays") {
    story.pass(seconds(8));
    CHECK(story.gate.hand_over_to(story.now) == 2);
  }
}

TEST_CASE("a node takes over a key that names it") {
  Story story;
  story.etcd.put(1);
  story.pass(milliseconds(20));
  CHECK_FALSE(story.gate.holds());
  SUBCASE("when it wants to lead") { story.want(); }
  SUBCASE("when it leads") { story.lead(); }
  SUBCASE("of an earlier life of its") {
    const auto old = story.etcd.answer({.kind = Kind::kGrant, .ttl = seconds(20)}, story.now);
    story.etcd.put(1, old.lease);
    story.want();
  }
  story.pass(milliseconds(100));
  CHECK(story.gate.holds());
  REQUIRE(story.etcd.key(story.now).has_value());
  CHECK(story.etcd.key(story.now)->lease != 0);
}

TEST_CASE("a node that follows ends a key of an earlier life of its") {
  Story story;
  const auto old = story.etcd.answer({.kind = Kind::kGrant, .ttl = seconds(20)}, story.now);
  story.etcd.put(1, old.lease);
  story.pass(milliseconds(20));
  CHECK(story.owner() == 1);  // nobody leads yet: it may be of use
  story.follow(2);
  story.pass(milliseconds(1100));
  CHECK(story.owner() == 0);
  CHECK(story.count(Kind::kRevoke) == 1);
  CHECK(story.gate.holder() == 0);
}

TEST_CASE("a node that follows leaves a person's key that names it alone") {
  Story story;
  story.etcd.put(1);
  story.follow(2);
  story.pass(seconds(3));
  REQUIRE(story.etcd.key(story.now).has_value());
  CHECK(story.etcd.key(story.now)->lease == 0);
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("a key that was put although no answer came is this node's") {
  Story story;
  story.want();
  story.gate.note(story.node, story.now);
  auto request = story.gate.next(story.now);
  REQUIRE(request.has_value());
  story.gate.done(story.etcd.answer(*request, story.now), story.now);
  request = story.gate.next(story.now);
  REQUIRE(request.has_value());
  REQUIRE(request->kind == Kind::kPut);
  [[maybe_unused]] const Reply lost = story.etcd.answer(*request, story.now);
  story.gate.done({.kind = Reply::Kind::kFailed, .number = request->number, .cause = "late"},
                  story.now);
  CHECK_FALSE(story.gate.holds());
  story.pass(milliseconds(500));
  CHECK(story.gate.holds());
  CHECK(story.count(Kind::kGrant) == 0);  // the same lease
}

TEST_CASE("one request is under way at a time, and replies to others are ignored") {
  Story story;
  story.want();
  story.gate.note(story.node, story.now);
  const auto grant = story.gate.next(story.now);
  REQUIRE(grant.has_value());
  CHECK_FALSE(story.gate.next(story.now).has_value());
  story.gate.done({.kind = Reply::Kind::kFailed, .number = grant->number, .cause = "late"},
                  story.now);
  CHECK_FALSE(story.gate.next(story.now).has_value());  // not at once
  story.now += milliseconds(200);
  const auto again = story.gate.next(story.now);
  REQUIRE(again.has_value());
  CHECK(again->number > grant->number);
  // The answer to the first one comes late.
  Reply late = story.etcd.answer(*grant, story.now);
  story.gate.done(late, story.now);
  CHECK_FALSE(story.gate.next(story.now).has_value());
  story.gate.done(story.etcd.answer(*again, story.now), story.now);
  const auto put = story.gate.next(story.now);
  REQUIRE(put.has_value());
  CHECK(put->kind == Kind::kPut);
  CHECK(put->lease != late.lease);
  // A put that was granted to an earlier attempt makes nobody a holder.
  story.gate.done(
      {.kind = Reply::Kind::kDone, .number = again->number, .has_put = true, .revision = 9},
      story.now);
  CHECK_FALSE(story.gate.holds());
}

TEST_CASE("a put under a lease that is over by now makes nobody a holder") {
  Story story;
  story.want();
  story.gate.note(story.node, story.now);
  const auto grant = story.gate.next(story.now);
  story.gate.done(story.etcd.answer(*grant, story.now), story.now);
  const auto put = story.gate.next(story.now);
  REQUIRE(put->kind == Kind::kPut);
  const Reply reply = story.etcd.answer(*put, story.now);
  story.now += seconds(3);
  story.gate.note(story.node, story.now);
  story.gate.done(reply, story.now);
  CHECK_FALSE(story.gate.holds());
  CHECK_FALSE(story.gate.may_campaign());
}

TEST_CASE("a lease counts from when it was asked for") {
  Story story;
  story.node.election = seconds(60);
  story.want();
  story.gate.note(story.node, story.now);
  const auto grant = story.gate.next(story.now);
  const Reply reply = story.etcd.answer(*grant, story.now);
  story.now += milliseconds(2900);
  story.gate.done(reply, story.now);
  story.gate.note(story.node, story.now);
  const auto next = story.gate.next(story.now);
  REQUIRE(next.has_value());
  CHECK(next->kind == Kind::kKeepAlive);  // it is nearly over
  story.now += milliseconds(100);
  story.gate.note(story.node, story.now);
  story.gate.done({.kind = Reply::Kind::kFailed, .number = next->number, .cause = "late"},
                  story.now);
  story.now += milliseconds(200);
  const auto after = story.gate.next(story.now);
  REQUIRE(after.has_value());
  CHECK(after->kind == Kind::kGrant);
}

TEST_CASE("an end of a lease that nobody confirmed is asked for again") {
  Story story;
  story.take_key();
  story.is_etcd_up = false;
  story.follow(2);
  story.pass(milliseconds(50));
  CHECK(story.owner() == 1);
  story.is_etcd_up = true;
  story.pass(milliseconds(500));
  CHECK(story.owner() == 0);
  CHECK(story.count(Kind::kRevoke) == 2);
}
