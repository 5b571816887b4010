#include "protocol/request_options.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv;
using namespace kv::protocol;

namespace {

// The request that `line` asks for; its options have to be good.
Request good(std::string_view line) {
  HeaderLine header;
  REQUIRE(parse_header(line, header) == nullptr);
  const VerbShape* shape = find_verb(header.verb);
  REQUIRE(shape != nullptr);
  Request request;
  request.verb = shape->verb;
  const auto bad = take_options(header, Limits{}, request);
  CAPTURE(line);
  CHECK_FALSE(bad);
  return request;
}

}  // namespace

TEST_CASE("verbs are found in either case, and nothing else is") {
  CHECK(find_verb("GET")->verb == Verb::kGet);
  CHECK(find_verb("pReFiX")->verb == Verb::kPrefix);
  for (const char* name : {"G", "GETT", "GE", "MGET", "PUTT", "AUTH", ""}) {
    CAPTURE(name);
    CHECK(find_verb(name) == nullptr);
  }
}

TEST_CASE("conditions") {
  CHECK(good("PUT 1 1").condition.kind == Condition::Kind::kAlways);
  CHECK(good("PUT 1 1 if=absent").condition.kind == Condition::Kind::kAbsent);
  CHECK(good("PUT 1 1 if=present").condition.kind == Condition::Kind::kPresent);
  for (const char* line : {"PUT 1 1 if=18446744073709551615", "DEL 1 if=18446744073709551615"}) {
    const Condition condition = good(line).condition;
    CHECK(condition.kind == Condition::Kind::kVersion);
    CHECK(condition.version == 18446744073709551615u);
  }
}

TEST_CASE("sync is none unless asked for") {
  CHECK_FALSE(good("PUT 1 1").sync);
  CHECK(good("PUT 1 1 sync=none").sync == Sync::kNone);
  CHECK(good("DEL 1 sync=interval").sync == Sync::kInterval);
  CHECK(good("BPUT 1 sync=disk atomic=1").sync == Sync::kDisk);
}

TEST_CASE("ranges have their defaults filled in and their limit capped") {
  const Request plain = good("RANGE 1 1");
  CHECK(plain.limit == 1000);
  CHECK(plain.bytes_max == 0);
  CHECK_FALSE(plain.is_reverse);
  CHECK_FALSE(plain.is_keys_only);
  const Request full = good("PREFIX 1 limit=5 max_bytes=6 rev=1 keys=1");
  CHECK(full.limit == 5);
  CHECK(full.bytes_max == 6);
  CHECK(full.is_reverse);
  CHECK(full.is_keys_only);
  const Request zeros = good("RANGE 1 1 rev=0 keys=0 limit=18446744073709551615");
  CHECK_FALSE(zeros.is_reverse);
  CHECK_FALSE(zeros.is_keys_only);
  CHECK(zeros.limit == Limits{}.range_limit_max);
}

TEST_CASE("the other verbs' options") {
  CHECK(good("STATS fmt=json section=store").is_json);
  CHECK(good("STATS section=store").section == "store");
  CHECK_FALSE(good("STATS fmt=text").is_json);
  CHECK(good("MERGE wait=1").is_wait);
  CHECK_FALSE(good("MERGE wait=0").is_wait);
  CHECK(good("MERGE").rate_max == 0);
  CHECK(good("MERGE rate=1048576 wait=1").rate_max == 1048576);
  CHECK(good("MERGE").merge_action == MergeAction::kNow);
  CHECK(good("MERGE do=pause").merge_action == MergeAction::kPause);
  CHECK(good("MERGE do=resume wait=0").merge_action == MergeAction::kResume);
  CHECK(good("MERGE do=stop").merge_action == MergeAction::kStop);
  CHECK(good("INSPECT 3 fmt=json").is_json);
  CHECK(good("CLUSTER").cluster_action == ClusterAction::kStatus);
  CHECK(good("CLUSTER do=status fmt=json").cluster_action == ClusterAction::kStatus);
  CHECK(good("CLUSTER fmt=json").is_json);
  CHECK(good("CLUSTER do=transfer").cluster_action == ClusterAction::kTransfer);
  CHECK_FALSE(good("CLUSTER do=transfer").node_id);
  CHECK(good("CLUSTER node=7 do=transfer").node_id == 7);
  const auto added =
      good("CLUSTER do=add node=4 uuid=0000000000000001000000000000000f peer=h:1 client=h:2");
  CHECK(added.cluster_action == ClusterAction::kAdd);
  CHECK(added.node_uuid == kv::base::Uuid{1, 15});
  CHECK(added.peer_address == "h:1");
  CHECK(added.client_address == "h:2");
  CHECK(good("CLUSTER do=remove node=4 force=1").is_forced);
  CHECK_FALSE(good("CLUSTER do=remove node=4").is_forced);
  CHECK(good("CLUSTER do=campaign").cluster_action == ClusterAction::kCampaign);
  CHECK(good("CLUSTER do=compare").cluster_action == ClusterAction::kCompare);
  CHECK(good("HELLO v=1 client=py/0.2 id=x").hello_version == 1);
  const auto numbered = good("DEL 1 req=7 done_below=7 session=18446744073709551614");
  CHECK(numbered.session == 18446744073709551614u);
  CHECK(numbered.number == 7);
  CHECK(numbered.done_below == 7);
  CHECK(good("PUT 1 1 session=5 req=1 ack=majority").done_below == 0);
  CHECK(good("PUT 1 1").session == 0);
}

TEST_CASE("no verb knows as many options as a header keeps") {
  // Else one that was not kept could be a good one, or the second of its name.
  const char* names[] = {"if",  "sync",    "atomic",  "limit", "max_bytes",  "rev", "keys",
                         "fmt", "section", "wait",    "rate",  "do",         "v",   "client",
                         "id",  "node",    "session", "req",   "done_below", "ack"};
  for (const char* verb : {"GET", "PUT", "DEL", "BPUT", "RANGE", "PREFIX", "PING", "HELLO", "STATS",
                           "MERGE", "INSPECT", "CLUSTER", "HELP", "QUIT"}) {
    std::size_t known = 0;
    for (const char* name : names) {
      std::string line = verb;
      for (int i = 0; i < 2; ++i) line.append(" ").append(name).append("=1");
      HeaderLine header;
      REQUIRE(parse_header(line, header) == nullptr);
      Request request;
      request.verb = find_verb(verb)->verb;
      CAPTURE(line);
      const auto bad = take_options(header, Limits{}, request);
      REQUIRE(bad);
      CHECK(bad->name == name);
      if (std::string_view(bad->text).find("unknown option") == std::string_view::npos) known += 1;
    }
    CHECK(known < HeaderLine::kOptionsMax);
  }
}
