#include "etcd/gateway.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/base64.h"

using kv::base::base64;
using kv::etcd::Claim;
using kv::etcd::Gateway;
using kv::etcd::Key;
using kv::etcd::parse_claim;
using kv::etcd::Reply;
using kv::etcd::Request;

namespace {

constexpr unsigned kOk = 200;
using Kind = Request::Kind;

Request request_of(Kind kind) {
  return {.kind = kind,
          .number = 9,
          .lease = 5,
          .ttl = std::chrono::seconds(3),
          .modified = 7,
          .claim = {.node_id = 1, .address = "a:1"}};
}

// One key, as etcd tells of it.
std::string kvs(const std::string& value) {
  return R"("kvs":[{"key":"aw==","create_revision":"2","mod_revision":"4","version":"1","value":")" +
         base64(value) + R"(","lease":"2324035546825280263"}],"count":"1")";
}

const std::string kHeader = R"("header":{"cluster_id":"3","revision":"12","raft_term":"2"})";

Reply reply(Kind kind, const std::string& body, unsigned status = kOk) {
  Reply reply = Gateway::reply(request_of(kind), status, body);
  CHECK(reply.number == 9);
  CHECK(reply.cause.empty() == (reply.kind != Reply::Kind::kFailed));
  return reply;
}

}  // namespace

TEST_CASE("requests are what etcd's gateway takes") {
  const Gateway gateway("k");
  const auto body = [&](Kind kind) { return gateway.body(request_of(kind)); };
  CHECK(Gateway::path(request_of(Kind::kGrant)) == "/v3/lease/grant");
  CHECK(body(Kind::kGrant) == R"({"TTL":"3"})");
  CHECK(Gateway::path(request_of(Kind::kKeepAlive)) == "/v3/lease/keepalive");
  CHECK(body(Kind::kKeepAlive) == R"({"ID":"5"})");
  CHECK(Gateway::path(request_of(Kind::kRevoke)) == "/v3/lease/revoke");
  CHECK(body(Kind::kRevoke) == R"({"ID":"5"})");
  CHECK(Gateway::path(request_of(Kind::kLook)) == "/v3/kv/range");
  CHECK(body(Kind::kLook) == R"({"key":"aw=="})");
  CHECK(Gateway::path(request_of(Kind::kPut)) == "/v3/kv/txn");
  const std::string rest = R"(}],"success":[{"request_put":{"key":"aw==","value":")" +
                           base64(R"({"node_id":1,"addr":"a:1"})") +
                           R"(","lease":"5"}}],"failure":[{"request_range":{"key":"aw=="}}]})";
  CHECK(body(Kind::kPut) ==
        R"({"compare":[{"key":"aw==","result":"EQUAL","target":"MOD","mod_revision":"7")" + rest);
  Request first = request_of(Kind::kPut);
  first.modified = 0;
  CHECK(gateway.body(first) ==
        R"({"compare":[{"key":"aw==","result":"EQUAL","target":"CREATE","create_revision":"0")" +
            rest);
}

TEST_CASE("replies of etcd 3.4 are understood") {
  SUBCASE("a lease") {
    const Reply granted =
        reply(Kind::kGrant, "{" + kHeader + R"(,"ID":"2324035546825280263","TTL":"3"})");
    CHECK(granted.kind == Reply::Kind::kDone);
    CHECK(granted.lease == 2324035546825280263);
    CHECK(granted.ttl == std::chrono::seconds(3));
  }
  SUBCASE("a lease that goes on") {
    const Reply kept =
        reply(Kind::kKeepAlive, R"({"result":{)" + kHeader + R"(,"ID":"5","TTL":"4"}})" + "\n");
    CHECK(kept.kind == Reply::Kind::kDone);
    CHECK(kept.ttl == std::chrono::seconds(4));
  }
  SUBCASE("a lease that is over") {
    const Reply over = reply(Kind::kKeepAlive, R"({"result":{)" + kHeader + R"(,"ID":"5"}})");
    CHECK(over.kind == Reply::Kind::kNoLease);
    const std::string gone =
        R"({"error":"etcdserver: requested lease not found","message":"...","code":5})";
    CHECK(reply(Kind::kRevoke, gone, 404).kind == Reply::Kind::kNoLease);
    CHECK(reply(Kind::kPut, gone, 404).kind == Reply::Kind::kNoLease);
  }
  SUBCASE("an end of a lease") {
    CHECK(reply(Kind::kRevoke, "{" + kHeader + "}").kind == Reply::Kind::kDone);
  }
  SUBCASE("a key that was put") {
    const Reply put =
        reply(Kind::kPut,
              "{" + kHeader + R"(,"succeeded":true,"responses":[{"response_put":{"header":{}}}]})");
    CHECK(put.kind == Reply::Kind::kDone);
    CHECK(put.has_put);
    CHECK(put.revision == 12);
  }
  SUBCASE("a key that was not") {
    const Reply other =
        reply(Kind::kPut, "{" + kHeader + R"(,"responses":[{"response_range":{)" +
                              kvs(R"({"node_id":2,"addr":"b:2","term":7,"seq":8})") + "}}]}");
    CHECK(other.kind == Reply::Kind::kDone);
    CHECK_FALSE(other.has_put);
    const Key key{.claim = {.node_id = 2, .address = "b:2", .term = 7, .seq = 8},
                  .lease = 2324035546825280263,
                  .modified = 4};
    CHECK(other.key == key);
    const Reply gone =
        reply(Kind::kPut, "{" + kHeader + R"(,"responses":[{"response_range":{"header":{}}}]})");
    CHECK(gone.kind == Reply::Kind::kDone);
    CHECK_FALSE(gone.has_put);
    CHECK_FALSE(gone.key.has_value());
  }
  SUBCASE("a look") {
    CHECK_FALSE(reply(Kind::kLook, "{" + kHeader + "}").key.has_value());
    const Reply seen = reply(Kind::kLook, "{" + kHeader + "," + kvs(R"({"node_id":3})") + "}");
    REQUIRE(seen.key.has_value());
    CHECK(seen.key->claim == Claim{.node_id = 3});
  }
}

TEST_CASE("a person's key without a lease is one") {
  const Reply seen = reply(
      Kind::kLook, R"({"kvs":[{"key":"aw==","mod_revision":"4","value":"eyJub2RlX2lkIjozfQ=="}]})");
  CHECK(seen.key == Key{.claim = {.node_id = 3}, .lease = 0, .modified = 4});
}

TEST_CASE("what is no reply has failed, and says why") {
  const std::vector<std::string> nothing = {"", "x", "null", "7", "[]", "\"a\"", "{", "{}x"};
  for (const Kind kind : {Kind::kGrant, Kind::kKeepAlive, Kind::kRevoke, Kind::kPut, Kind::kLook}) {
    for (const std::string& body : nothing) {
      CAPTURE(body);
      CHECK(reply(kind, body).kind == Reply::Kind::kFailed);
    }
    CHECK(reply(kind, R"({"error":"etcdserver: request timed out","code":14})", 503).kind ==
          Reply::Kind::kFailed);
    CHECK(reply(kind, R"({"error":"etcdserver: no leader"})").kind == Reply::Kind::kFailed);
    CHECK(reply(kind, R"({"error":7,"code":"x"})", 500).kind == Reply::Kind::kFailed);
    CHECK(reply(kind, "{}", 503).kind == Reply::Kind::kFailed);
  }
  for (const char* const body :
       {"{}", R"({"ID":"5"})", R"({"TTL":"3"})", R"({"ID":"x","TTL":"3"})", R"({"ID":5.5,"TTL":3})",
        R"({"ID":"5","TTL":"-3"})", R"({"ID":"5","TTL":"99999999999"})",
        R"({"ID":"99999999999999999999","TTL":"3"})", R"({"ID":"5 ","TTL":"3"})"}) {
    CAPTURE(body);
    CHECK(reply(Kind::kGrant, body).kind == Reply::Kind::kFailed);
  }
  for (const char* const body :
       {"{}", R"({"result":{"TTL":"x"}})", R"({"result":{"TTL":"99999999999"}})"}) {
    CAPTURE(body);
    CHECK(reply(Kind::kKeepAlive, body).kind == Reply::Kind::kFailed);
  }
  const std::vector<std::string> puts = {
      R"({"succeeded":true})",
      "{" + kHeader + "}",
      "{" + kHeader + R"(,"responses":{}})",
      "{" + kHeader + R"(,"responses":[]})",
      "{" + kHeader + R"(,"responses":[7]})",
      "{" + kHeader + R"(,"responses":[{"response_range":{"kvs":7}}]})",
      R"({"header":{"revision":"-1"},"succeeded":true})"};
  for (const std::string& body : puts) {
    CAPTURE(body);
    CHECK(reply(Kind::kPut, body).kind == Reply::Kind::kFailed);
  }
  for (const char* const body : {R"({"kvs":7})", R"({"kvs":[7]})", R"({"kvs":[{}]})",
                                 R"({"kvs":[{"mod_revision":"4","value":"%%%"}]})",
                                 R"({"kvs":[{"mod_revision":"4","value":7}]})",
                                 R"({"kvs":[{"mod_revision":"x","value":"aw=="}]})",
                                 R"({"kvs":[{"mod_revision":"4","lease":[],"value":"aw=="}]})"}) {
    CAPTURE(body);
    CHECK(reply(Kind::kLook, body).kind == Reply::Kind::kFailed);
  }
}

TEST_CASE("what etcd says of a failure is fit for one line of a log") {
  const Reply odd =
      reply(Kind::kLook, R"({"error":"a\"b\nc\u00e9\u0000"})" + std::string(500, ' '), 500);
  CHECK(odd.cause == "/v3/kv/range: etcd answers 500 a?b?c???");
  const Reply long_one = reply(Kind::kLook, R"({"error":")" + std::string(5000, 'x') + "\"}", 500);
  CHECK(long_one.cause.size() == 200);
}

TEST_CASE("a reply that nests deeply is read like any other") {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK(reply(Kind::kLook, deep).kind == Reply::Kind::kFailed);
  CHECK(reply(Kind::kLook, R"({"kvs":)" + deep + "}").kind == Reply::Kind::kFailed);
}

TEST_CASE("a lease that another request than one with a lease misses is a failure") {
  Request look{.kind = Kind::kLook, .number = 9};
  CHECK(Gateway::reply(look, 404, R"({"error":"not found","code":5})").kind ==
        Reply::Kind::kFailed);
}

TEST_CASE("a claim is read as it was written") {
  const Claim waits{.node_id = 1, .address = "[::1]:7400"};
  CHECK(parse_claim(text_of(waits)) == waits);
  const Claim leads{.node_id = UINT64_MAX, .address = "h:1", .term = 3, .seq = 4};
  CHECK(parse_claim(text_of(leads)) == leads);
  CHECK_NOTHROW(text_of(Claim{.node_id = 1, .address = "\xff\"\\"}));
}

TEST_CASE("a value that is no claim names nobody") {
  for (const char* const text :
       {"", "x", "2", "[2]", "{}", R"({"node_id":"2"})", R"({"node_id":-2})", R"({"node_id":2.5})",
        R"({"node_id":0,"addr":"a:1","term":9})", R"({"node_id":null})", "\xff\xfe"}) {
    CAPTURE(text);
    CHECK(parse_claim(text) == Claim{});
  }
  CHECK(parse_claim(R"({"node_id":2,"addr":7,"term":"x"})") == Claim{.node_id = 2});
}
