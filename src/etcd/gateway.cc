#include "etcd/gateway.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace kv::etcd {

namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kOk = 200;
constexpr int kNotFound = 5;  // gRPC's code
constexpr std::size_t kCauseMax = 200;

// A member of an object; null where there is none, or no object.
const Json* member(const Json* object, const char* name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

// Zeros are left out. None: it is no number.
std::optional<std::int64_t> number(const Json* value) {
  if (value == nullptr) return 0;
  if (value->is_number_integer()) return value->get<std::int64_t>();
  if (!value->is_string()) return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string decimal(std::int64_t number) { return fmt::format("{}", number); }

Json put_json(const Request& request, const std::string& key) {
  Json compare = {{"key", key}, {"result", "EQUAL"}};
  if (request.modified == 0) {
    compare["target"] = "CREATE";
    compare["create_revision"] = "0";
  } else {
    compare["target"] = "MOD";
    compare["mod_revision"] = decimal(request.modified);
  }
  Json put = {{"key", key},
              {"value", base::base64(text_of(request.claim))},
              {"lease", decimal(request.lease)}};
  return {{"compare", Json::array({std::move(compare)})},
          {"success", Json::array({{{"request_put", std::move(put)}}})},
          {"failure", Json::array({{{"request_range", {{"key", key}}}}})}};
}

// The cause goes to a log, in quotes.
Reply failed(const Request& request, std::string cause) {
  if (cause.size() > kCauseMax) cause.resize(kCauseMax);
  for (char& c : cause) {
    if (c < ' ' || c > '~' || c == '"') c = '?';
  }
  return {.kind = Reply::Kind::kFailed, .number = request.number, .cause = std::move(cause)};
}

Reply unreadable(const Request& request, std::string_view what) {
  return failed(request,
                fmt::format("{}: what etcd answers has no {}", Gateway::path(request), what));
}

// Of a range: one key, or none.
bool read_key(const Json* range, std::optional<Key>& key) {
  const Json* const found = member(range, "kvs");
  if (found == nullptr || found->is_null()) return true;
  if (!found->is_array()) return false;
  if (found->empty()) return true;
  const Json* const one = &found->front();
  const Json* const value = member(one, "value");
  const auto lease = number(member(one, "lease"));
  const auto modified = number(member(one, "mod_revision"));
  if (!lease || !modified || *modified <= 0) return false;
  key = Key{.claim = {}, .lease = *lease, .modified = *modified};
  if (value == nullptr) return true;  // empty
  if (!value->is_string()) return false;
  const auto text = base::from_base64(value->get_ref<const std::string&>());
  if (!text) return false;
  key->claim = parse_claim(*text);
  return true;
}

void read_grant(const Request& request, const Json& page, Reply& reply) {
  const auto lease = number(member(&page, "ID"));
  const auto ttl = number(member(&page, "TTL"));
  constexpr std::int64_t kTtlMax = 24 * 3600;
  if (!lease || *lease == 0 || !ttl || *ttl <= 0 || *ttl > kTtlMax) {
    reply = unreadable(request, "lease");
    return;
  }
  reply.lease = *lease;
  reply.ttl = std::chrono::seconds(*ttl);
}

// A stream of one; of a lease that is over there is no TTL.
void read_keep_alive(const Request& request, const Json& page, Reply& reply) {
  const Json* const result = member(&page, "result");
  const auto ttl = number(member(result, "TTL"));
  constexpr std::int64_t kTtlMax = 24 * 3600;
  if (result == nullptr || !ttl || *ttl > kTtlMax) {
    reply = unreadable(request, "lease");
    return;
  }
  if (*ttl <= 0) reply.kind = Reply::Kind::kNoLease;
  reply.ttl = std::chrono::seconds(*ttl);
}

void read_put(const Request& request, const Json& page, Reply& reply) {
  const Json* const succeeded = member(&page, "succeeded");
  reply.has_put = succeeded != nullptr && succeeded->is_boolean() && succeeded->get<bool>();
  const auto revision = number(member(member(&page, "header"), "revision"));
  if (!revision || *revision <= 0) {
    reply = unreadable(request, "revision");
    return;
  }
  reply.revision = *revision;
  if (reply.has_put) return;
  const Json* const responses = member(&page, "responses");
  const bool has_one = responses != nullptr && responses->is_array() && !responses->empty();
  const Json* const range = has_one ? member(&responses->front(), "response_range") : nullptr;
  if (range == nullptr || !read_key(range, reply.key)) reply = unreadable(request, "key");
}

// Of an answer that says no.
Reply refused(const Request& request, unsigned status, const Json& page) {
  const auto code = number(member(&page, "code"));
  if (code == kNotFound && request.lease != 0) {
    return {.kind = Reply::Kind::kNoLease, .number = request.number};
  }
  const Json* const text = member(&page, "error");
  return failed(request, fmt::format("{}: etcd answers {} {}", Gateway::path(request), status,
                                     text != nullptr && text->is_string()
                                         ? text->get_ref<const std::string&>()
                                         : std::string()));
}

}  // namespace

std::string text_of(const Claim& claim) {
  Json json = {{"node_id", claim.node_id}, {"addr", claim.address}};
  if (claim.term != 0) {
    json["term"] = claim.term;
    json["seq"] = claim.seq;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Claim parse_claim(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto unsigned_of = [&json](const char* name) -> std::uint64_t {
    const Json* const value = member(&json, name);
    return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
  };
  Claim claim;
  claim.node_id = unsigned_of("node_id");
  if (claim.node_id == 0) return claim;
  const Json* const address = member(&json, "addr");
  if (address != nullptr && address->is_string()) claim.address = address->get<std::string>();
  claim.term = unsigned_of("term");
  claim.seq = unsigned_of("seq");
  return claim;
}

std::string_view Gateway::path(const Request& request) {
  switch (request.kind) {
    case Request::Kind::kGrant:
      return "/v3/lease/grant";
    case Request::Kind::kKeepAlive:
      return "/v3/lease/keepalive";
    case Request::Kind::kRevoke:
      return "/v3/lease/revoke";
    case Request::Kind::kPut:
      return "/v3/kv/txn";
    case Request::Kind::kLook:
      break;
  }
  return "/v3/kv/range";
}

std::string Gateway::body(const Request& request) const {
  switch (request.kind) {
    case Request::Kind::kGrant:
      return Json{{"TTL", decimal(request.ttl.count())}}.dump();
    case Request::Kind::kKeepAlive:
    case Request::Kind::kRevoke:
      return Json{{"ID", decimal(request.lease)}}.dump();
    case Request::Kind::kPut:
      return put_json(request, base::base64(key_)).dump();
    case Request::Kind::kLook:
      break;
  }
  return Json{{"key", base::base64(key_)}}.dump();
}

Reply Gateway::reply(const Request& request, unsigned status, std::string_view body) {
  const Json page = Json::parse(body, nullptr, false);
  if (page.is_discarded() || !page.is_object()) {
    return failed(request,
                  fmt::format("{}: etcd answers {}, and no JSON object", path(request), status));
  }
  if (status != kOk || page.contains("error")) return refused(request, status, page);
  Reply reply{.kind = Reply::Kind::kDone, .number = request.number};
  switch (request.kind) {
    case Request::Kind::kGrant:
      read_grant(request, page, reply);
      break;
    case Request::Kind::kKeepAlive:
      read_keep_alive(request, page, reply);
      break;
    case Request::Kind::kRevoke:
      break;
    case Request::Kind::kPut:
      read_put(request, page, reply);
      break;
    case Request::Kind::kLook:
      if (!read_key(&page, reply.key)) reply = unreadable(request, "key");
      break;
  }
  return reply;
}

}  // namespace kv::etcd
