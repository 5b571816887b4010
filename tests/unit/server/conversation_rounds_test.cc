// Reads of a member of a cluster: answered once a round told that it leads still.

#include <string>

#include <doctest/doctest.h>

#include "support/talk.h"

using kv::Errc;
using kv::Error;
using kv::server::Dialect;
using kv::test::Talk;

namespace {

const Error kMoved{Errc::kNotLeader, "leader=10.0.0.2:7400 epoch=8 that node leads", {}};
const std::string kRefusal =
    "ERR NOT_LEADER applied=no leader=10.0.0.2:7400 epoch=8 :that node leads\n";

}  // namespace

TEST_CASE("a read is answered when its round has ended, with what the store holds then") {
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "old");
  CHECK(talk.ask("GET 1\nk").empty());
  CHECK(talk.rounds_asked == 1);
  talk.backend.set("k", "new");
  talk.end_round({});
  CHECK(talk.take() == "VALUE 3 ver=2\nnew\n");
}

TEST_CASE("reads that came together share a round") {
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "v");
  CHECK(talk.ask("GET 1\nkGET 1\nkRANGE 0 0 keys=1\nGET 1\nk").empty());
  talk.end_round({});
  CHECK(talk.take() ==
        "VALUE 1 ver=1\nv\nVALUE 1 ver=1\nv\nKEY 1\nk\nEND 1 more=0\nVALUE 1 ver=1\nv\n");
  CHECK(talk.rounds_asked == 1);
}

TEST_CASE("what was received after a round began needs another one") {
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "v");
  talk.send("GET 1\nk");
  // Nothing is received meanwhile, so it cannot be taken for confirmed.
  talk.send("GET 1\nk");
  CHECK(talk.has_unsent());
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
  CHECK(talk.rounds_asked == 2);
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
  // A request in two halves, the second of which comes after a round.
  talk.send("GET 1\nkGET 1");
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
  talk.send("\nk");
  CHECK(talk.take().empty());
  CHECK(talk.rounds_asked == 4);
}

TEST_CASE("of a round that is refused every read among what was received hears where to go") {
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "v");
  CHECK(talk.ask("GET 1\nk@a GET 1\nkRANGE 0 0\nPING\n").empty());
  talk.end_round(tl::unexpected(kMoved));
  CHECK(talk.take() == kRefusal + "@a " + kRefusal + kRefusal + "OK\n");
  CHECK(talk.ask("GET 1\nk").empty());
  CHECK(talk.rounds_asked == 2);
}

TEST_CASE("writes, and questions about the server, wait for no round") {
  Talk talk;
  talk.become_member();
  talk.backend.acknowledges_at_flush = false;
  CHECK(talk.ask("PING\nPUT 1 1\nkv") == "OK\n");
  talk.acknowledge_all();
  CHECK(talk.take() == "OK ver=1\n");
  CHECK(talk.rounds_asked == 0);
}

TEST_CASE("a read behind a write waits for both") {
  Talk talk;
  talk.become_member();
  talk.backend.acknowledges_at_flush = false;
  CHECK(talk.ask("PUT 1 1\nkvGET 1\nk").empty());
  CHECK(talk.rounds_asked == 1);
  SUBCASE("the round ends first") {
    talk.end_round({});
    CHECK(talk.take().empty());
    talk.acknowledge_all();
    CHECK(talk.take() == "OK ver=1\nVALUE 1 ver=1\nv\n");
  }
  SUBCASE("the write is acknowledged first") {
    talk.acknowledge_all();
    CHECK(talk.take() == "OK ver=1\n");
    talk.end_round({});
    CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
  }
  CHECK(talk.rounds_asked == 1);
}

// A round says what was acknowledged before it began, and this one was acknowledged after.
TEST_CASE("a read behind a write that one disk alone has waits for a round that knows of it") {
  Talk talk;
  talk.become_member();
  talk.backend.acknowledges_at_flush = false;
  talk.backend.local_epoch = 7;
  CHECK(talk.ask("PUT 1 1\nkvGET 1\nk").empty());
  CHECK(talk.rounds_asked == 1);
  SUBCASE("the round of before ends first") {
    talk.end_round({});
    CHECK(talk.rounds_asked == 1);
    talk.acknowledge_all();
  }
  SUBCASE("the write is acknowledged first") {
    talk.acknowledge_all();
    CHECK(talk.rounds_asked == 1);
    talk.end_round({});
  }
  CHECK(talk.take() == "OK ver=1 ack=local epoch=7\n");
  CHECK(talk.rounds_asked == 2);
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
}

TEST_CASE("commands of Redis that read wait, too") {
  Talk talk({}, Dialect::kResp);
  talk.become_member();
  talk.backend.set("k", "v");
  CHECK(talk.ask("GET k\r\nEXISTS k\r\nPING\r\n").empty());
  talk.end_round({});
  CHECK(talk.take() == "$1\r\nv\r\n:1\r\n+PONG\r\n");
  CHECK(talk.ask("GET k\r\nMGET k k\r\n").empty());
  talk.end_round(tl::unexpected(kMoved));
  const std::string refusal = "-READONLY leader=10.0.0.2:7400 epoch=8 that node leads\r\n";
  CHECK(talk.take() == refusal + refusal);
}

TEST_CASE("a read for which a round of before is new enough needs none") {
  using std::chrono::milliseconds;
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "v");
  talk.on_covers = [](const auto& level) { return level.stale_max == milliseconds(50); };
  CHECK(talk.ask("GET 1 max_stale_ms=50\nkRANGE 0 0 keys=1 max_stale_ms=50\n") ==
        "VALUE 1 ver=1\nv\nKEY 1\nk\nEND 1 more=0\n");
  CHECK(talk.rounds_asked == 0);
  // One that came along and promises more is not covered by that.
  CHECK(talk.ask("GET 1 max_stale_ms=50\nkGET 1\nk") == "VALUE 1 ver=1\nv\n");
  CHECK(talk.rounds_asked == 1);
  CHECK(talk.level_asked == kv::server::ReadLevel{});
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\n");
  // Nor the other way round: who is first asks for all of them, and one round is enough.
  CHECK(talk.ask("GET 1 max_stale_ms=49\nkGET 1\nk").empty());
  CHECK(talk.level_asked.stale_max == milliseconds(49));
  talk.end_round({});
  CHECK(talk.take() == "VALUE 1 ver=1\nv\nVALUE 1 ver=1\nv\n");
  CHECK(talk.rounds_asked == 2);
}

TEST_CASE("where a lease is held no read waits") {
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "v");
  talk.on_covers = [](const auto& level) { return level.min_version == 0; };
  CHECK(talk.ask("GET 1\nkGET 1 max_stale_ms=1\nk") == "VALUE 1 ver=1\nv\nVALUE 1 ver=1\nv\n");
  CHECK(talk.rounds_asked == 0);
}

TEST_CASE("what tells of all that there is waits for a round as long as the store is not whole") {
  Talk talk;
  talk.become_member();
  talk.is_store_whole = false;
  talk.backend.set("k", "v");
  CHECK(talk.ask("WAIT\n").empty());
  CHECK(talk.level_asked == kv::server::ReadLevel{});
  talk.is_store_whole = true;
  talk.end_round({});
  CHECK(talk.take() == "OK ver=1\n");
  CHECK(talk.ask("WAIT\n") == "OK ver=1\n");
  CHECK(talk.rounds_asked == 1);
  talk.is_store_whole = false;
  CHECK(talk.ask("BACKUP 5\n/some").empty());
  CHECK(talk.rounds_asked == 2);
  talk.end_round(tl::unexpected(kMoved));
  CHECK(talk.take() == kRefusal);
}

TEST_CASE("a read of a version waits for that, and says nothing of the reads behind it") {
  using std::chrono::milliseconds;
  Talk talk;
  talk.become_member();
  talk.backend.set("k", "old");
  const auto covers = [&talk](const kv::server::ReadLevel& level) {
    return level.min_version > 0 && talk.backend.version() >= level.min_version;
  };
  talk.on_covers = covers;
  CHECK(talk.ask("GET 1 min_ver=1\nk") == "VALUE 3 ver=1\nold\n");
  CHECK(talk.ask("WAIT ver=1\nWAIT\n") == "OK ver=1\nOK ver=1\n");
  CHECK(talk.rounds_asked == 0);
  CHECK(talk.ask("GET 1 min_ver=2 timeout_ms=70\nkGET 1\nk").empty());
  CHECK(talk.level_asked == kv::server::ReadLevel{.min_version = 2, .patience = milliseconds(70)});
  SUBCASE("it comes") {
    talk.backend.set("k", "new");
    talk.end_round({});
    CHECK(talk.take() == "VALUE 3 ver=2\nnew\n");
  }
  SUBCASE("it does not") {
    talk.end_round(tl::unexpected(Error{Errc::kTryLater, "reason=behind at 1", {}}));
    CHECK(talk.take() == "ERR TRY_LATER applied=no retry_ms=100 reason=behind :at 1\n");
  }
  CHECK(talk.rounds_asked == 2);
  CHECK(talk.level_asked == kv::server::ReadLevel{});
  talk.end_round({});
  CHECK(talk.take().ends_with("\n"));
}

TEST_CASE("a write that only the leader has is waited for by version and epoch") {
  Talk talk;
  talk.become_member();
  CHECK(talk.ask("WAIT ver=3 epoch=2\n").empty());
  CHECK(talk.level_asked.epoch == 2);
  SUBCASE("it is committed") {
    for (const char* key : {"a", "b", "c"}) talk.backend.set(key, "1");
    talk.end_round({});
    CHECK(talk.take() == "OK ver=3\n");
    CHECK(talk.rounds_asked == 1);
  }
  SUBCASE("another record took its place") {
    talk.end_round(tl::unexpected(Error{Errc::kConflict, "ver=3 epoch=4 taken back", {}}));
    CHECK(talk.take() == "ERR CONFLICT applied=no ver=3 epoch=4 :taken back\n");
  }
}
