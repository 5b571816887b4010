#include <doctest/doctest.h>

#include "support/talk.h"

using kv::Errc;
using kv::Error;
using kv::Result;
using kv::test::Talk;

namespace {

struct FakeMember final : kv::server::ClusterMember {
  void confirm_read(ReadDone done) override { done({}); }
  void await_version(const kv::server::ReadLevel&, ReadDone done) override { done({}); }
  bool is_whole() const override { return true; }
  void end_waits() override {}
  kv::server::ReplicationStatus status() const override { return {}; }
  Result<void> transfer(std::uint64_t node_id) override {
    asked.push_back(node_id);
    return answer;
  }
  Result<void> add(const Newcomer& newcomer) override {
    added.push_back(newcomer);
    return answer;
  }
  Result<void> remove(std::uint64_t node_id, bool is_forced) override {
    (is_forced ? forced : removed).push_back(node_id);
    return answer;
  }
  Result<void> campaign() override {
    campaigns += 1;
    return answer;
  }
  Result<std::uint64_t> compare() override {
    return answer.map([] { return std::uint64_t{17}; });
  }
  std::vector<std::uint64_t> asked;
  std::vector<Newcomer> added;
  std::vector<std::uint64_t> removed;
  std::vector<std::uint64_t> forced;
  int campaigns = 0;
  Result<void> answer;
};

}  // namespace

TEST_CASE("CLUSTER answers as STATS section=replication, and is counted for itself") {
  using kv::protocol::Verb;
  Talk talk;
  const std::string text = talk.ask("STATS section=replication\n");
  CHECK(talk.ask("@c CLUSTER\n") == "@c " + text);
  CHECK(talk.section_asked == "replication");
  CHECK(talk.ask("CLUSTER do=status fmt=json\n") ==
        talk.ask("STATS section=replication fmt=json\n"));
  CHECK(talk.counters.of(Verb::kCluster).requests.value() == 2);
  CHECK(talk.counters.of(Verb::kStats).requests.value() == 2);
}

TEST_CASE("CLUSTER do=compare says as of which version all compare") {
  Talk talk;
  FakeMember member;
  talk.be(member);
  CHECK(talk.ask("CLUSTER do=compare\n") == "INFO 21\ncompare: begun ver=17\n");
  member.answer = tl::unexpected(kv::Error{kv::Errc::kTryLater, "reason=cluster not yet", {}});
  CHECK(talk.ask("CLUSTER do=compare\n").starts_with("ERR TRY_LATER "));
  CHECK(talk.ask("CLUSTER do=compare node=1\n").starts_with("ERR BAD_ARG "));
}

TEST_CASE("CLUSTER do=transfer has the member begin, and says so") {
  Talk talk;
  FakeMember member;
  talk.be(member);
  CHECK(talk.ask("@t CLUSTER do=transfer node=3\n") == "@t INFO 15\ntransfer: begun\n");
  CHECK(talk.ask("CLUSTER do=transfer\n") == "INFO 15\ntransfer: begun\n");
  CHECK(member.asked == std::vector<std::uint64_t>{3, 0});
}

TEST_CASE("a lead is not handed over before the writes in front of it are answered") {
  Talk talk;
  FakeMember member;
  talk.be(member);
  talk.backend.acknowledges_at_flush = false;
  talk.send("PUT 1 1\nkvCLUSTER do=transfer\n");
  CHECK(member.asked.empty());
  talk.acknowledge_all();
  CHECK(talk.take() == "OK ver=1\nINFO 15\ntransfer: begun\n");
}

TEST_CASE("what cannot be handed over says why") {
  Talk talk;
  CHECK(talk.ask("CLUSTER do=transfer\n") ==
        "ERR BAD_ARG applied=no arg=do :this server is no member of a cluster\n");
  FakeMember member;
  talk.be(member);
  member.answer = tl::unexpected(Error{Errc::kNotLeader, "leader=h:1 epoch=4 only a leader", {}});
  CHECK(talk.ask("CLUSTER do=transfer\n") ==
        "ERR NOT_LEADER applied=no leader=h:1 epoch=4 :only a leader\n");
  member.answer = tl::unexpected(Error{Errc::kInvalidArgument, "no other member", {}});
  CHECK(talk.ask("CLUSTER do=transfer node=9\n") ==
        "ERR BAD_ARG applied=no arg=node :no other member\n");
}

TEST_CASE("CLUSTER do=add, remove and campaign wait for the member, apart from other connections") {
  Talk talk;
  FakeMember member;
  talk.be(member);
  const std::string uuid = "0000000000000001000000000000000f";
  CHECK(talk.ask("@a CLUSTER do=add node=4 uuid=" + uuid + " peer=h:17404 client=h:7404\n") ==
        "@a INFO 10\nadd: begun\n");
  REQUIRE(member.added.size() == 1);
  CHECK(member.added[0].node_id == 4);
  CHECK(member.added[0].node_uuid == kv::base::Uuid{1, 15});
  CHECK(member.added[0].peer_address == "h:17404");
  CHECK(member.added[0].client_address == "h:7404");
  CHECK(talk.ask("CLUSTER do=remove node=3\n") == "INFO 13\nremove: begun\n");
  CHECK(talk.ask("CLUSTER do=remove node=2 force=1\n") == "INFO 13\nremove: begun\n");
  CHECK(member.removed == std::vector<std::uint64_t>{3});
  CHECK(member.forced == std::vector<std::uint64_t>{2});
  CHECK(talk.ask("CLUSTER do=campaign\n") == "INFO 15\ncampaign: begun\n");
  CHECK(member.campaigns == 1);
  CHECK(talk.slow_tasks_run == 4);
  member.answer = tl::unexpected(Error{Errc::kInvalidArgument, "no member has number 3", {}});
  CHECK(talk.ask("CLUSTER do=remove node=3\n") ==
        "ERR BAD_ARG applied=no arg=node :no member has number 3\n");
  CHECK(talk.ask("CLUSTER do=campaign\n") ==
        "ERR BAD_ARG applied=no arg=do :no member has number 3\n");
}
