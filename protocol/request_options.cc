#include "protocol/request_options.h"

#include <algorithm>

namespace kv::protocol {

namespace {

constexpr const char* kNoLength = "this verb takes no length";
constexpr const char* kKey = "this verb takes 1 length, the key's";
constexpr const char* kKeyAndValue = "PUT takes 2 lengths, the key's and the value's";

// The most frequent first.
constexpr VerbShape kVerbs[] = {
    {"GET", Verb::kGet, 1, 1, kKey},
    {"PUT", Verb::kPut, 2, 2, kKeyAndValue},
    {"DEL", Verb::kDel, 1, 1, kKey},
    {"BPUT", Verb::kBput, 1, 1, "BPUT takes 1 number, how many items follow"},
    {"RANGE", Verb::kRange, 2, 2, "RANGE takes 2 lengths, the start's and the end's; 0 is open"},
    {"PREFIX", Verb::kPrefix, 1, 1, "PREFIX takes 1 length, the prefix's"},
    {"PING", Verb::kPing, 0, 1, "PING takes no length, or that of its echo"},
    {"HELLO", Verb::kHello, 0, 0, kNoLength},
    {"STATS", Verb::kStats, 0, 0, kNoLength},
    {"MERGE", Verb::kMerge, 0, 0, kNoLength},
    {"INSPECT", Verb::kInspect, 1, 1, kKey},
    {"VERIFY", Verb::kVerify, 0, 0, kNoLength},
    {"BACKUP", Verb::kBackup, 1, 1, "BACKUP takes 1 length, that of the directory's path"},
    {"CLUSTER", Verb::kCluster, 0, 0, kNoLength},
    {"WAIT", Verb::kWait, 0, 0, kNoLength},
    {"SESSION", Verb::kSession, 0, 0, kNoLength},
    {"HELP", Verb::kHelp, 0, 0, kNoLength},
    {"QUIT", Verb::kQuit, 0, 0, kNoLength},
};

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  constexpr char kCaseBit = 0x20;
  return text.size() == upper.size() &&
         std::equal(text.begin(), text.end(), upper.begin(), [](char a, char b) {
           return static_cast<char>(a & ~kCaseBit) == b;  // `text` is letters only
         });
}

constexpr const char* kUnknown = "unknown option for this verb; HELP lists them";
constexpr const char* kFlag = "takes 0 or 1";

bool take_flag(std::string_view value, bool& flag) {
  flag = value == "1";
  return flag || value == "0";
}

const char* take_condition(const Request& request, std::string_view value, Condition& condition) {
  if (request.verb == Verb::kPut && value == "absent") {
    condition.kind = Condition::Kind::kAbsent;
    return nullptr;
  }
  if (request.verb == Verb::kPut && value == "present") {
    condition.kind = Condition::Kind::kPresent;
    return nullptr;
  }
  const auto version = parse_number(value);
  if (!version || *version == 0) {
    return request.verb == Verb::kPut ? "takes absent, present or a version from 1"
                                      : "takes a version from 1";
  }
  condition = {Condition::Kind::kVersion, *version};
  return nullptr;
}

const char* take_from_one(std::string_view value, const char* wrong, std::uint64_t& number) {
  const auto given = parse_number(value);
  if (!given || *given == 0 || *given == UINT64_MAX) return wrong;
  number = *given;
  return nullptr;
}

const char* take_session_option(const HeaderLine::Option& option, Request& request) {
  if (option.name == "session") {
    return take_from_one(option.value, "takes the number that SESSION gave", request.session);
  }
  if (option.name == "req") {
    return take_from_one(option.value, "takes a request's number, from 1", request.number);
  }
  if (option.name != "done_below") return kUnknown;
  return take_from_one(option.value, "takes a request's number, from 1", request.done_below);
}

// A write belongs to a session as a whole or not at all.
std::optional<BadOption> check_session(const Request& request) {
  if (request.session == 0) {
    if (request.number == 0 && request.done_below == 0) return std::nullopt;
    return BadOption{request.number != 0 ? "req" : "done_below", "belongs to a session: give it"};
  }
  if (request.number == 0) return BadOption{"session", "needs the request's number: give req"};
  if (request.done_below > request.number) return BadOption{"done_below", "is above req"};
  if (request.ack == Ack::kLocal) {
    return BadOption{"ack", "is not for a session, whose writes wait for the majority"};
  }
  return std::nullopt;
}

const char* take_write_option(const HeaderLine::Option& option, Request& request) {
  if (option.name == "if" && request.verb != Verb::kBput) {
    return take_condition(request, option.value, request.condition);
  }
  if (option.name == "sync") {
    if (option.value == "none") request.sync = Sync::kNone;
    if (option.value == "interval") request.sync = Sync::kInterval;
    if (option.value == "disk") request.sync = Sync::kDisk;
    return request.sync ? nullptr : "takes none, interval or disk";
  }
  if (option.name == "ack") {
    if (option.value == "local") request.ack = Ack::kLocal;
    if (option.value == "majority") request.ack = Ack::kMajority;
    return request.ack ? nullptr : "takes local or majority";
  }
  if (option.name == "atomic" && request.verb == Verb::kBput) {
    return option.value == "1" ? nullptr : "takes 1; every BPUT is atomic";
  }
  return take_session_option(option, request);
}

constexpr std::uint64_t kStaleMaxMs = 24ULL * 3600 * 1000;
constexpr std::uint64_t kTimeoutMaxMs = 10'000;

const char* take_timeout(std::string_view value, Request& request) {
  const auto number = parse_number(value);
  if (!number || *number == 0 || *number > kTimeoutMaxMs) return "takes milliseconds, 1 to 10000";
  request.timeout_ms = *number;
  return nullptr;
}

const char* take_min_version(std::string_view value, Request& request) {
  const auto version = parse_number(value);
  if (!version || *version == 0) return "takes a version from 1";
  request.min_version = *version;
  return nullptr;
}

const char* take_epoch(std::string_view value, Request& request) {
  const auto epoch = parse_number(value);
  if (!epoch || *epoch == 0) return "takes the epoch of an acknowledgement, from 1";
  request.epoch = *epoch;
  return nullptr;
}

// How new what is read has to be.
const char* take_level_option(const HeaderLine::Option& option, Request& request) {
  if (option.name == "min_ver") return take_min_version(option.value, request);
  if (option.name == "timeout_ms") return take_timeout(option.value, request);
  if (option.name != "max_stale_ms") return kUnknown;
  const auto number = parse_number(option.value);
  if (!number || *number == 0 || *number > kStaleMaxMs) return "takes milliseconds, 1 to a day";
  request.stale_max_ms = *number;
  return nullptr;
}

const char* take_range_option(const HeaderLine::Option& option, const Limits& limits,
                              Request& request) {
  if (option.name == "limit" || option.name == "max_bytes") {
    const auto number = parse_number(option.value);
    if (!number || *number == 0) return "takes a decimal from 1";
    if (option.name == "limit") {
      request.limit = std::min<std::uint64_t>(*number, limits.range_limit_max);
    } else {
      request.bytes_max = *number;
    }
    return nullptr;
  }
  if (option.name == "rev") return take_flag(option.value, request.is_reverse) ? nullptr : kFlag;
  if (option.name == "keys") return take_flag(option.value, request.is_keys_only) ? nullptr : kFlag;
  return take_level_option(option, request);
}

const char* take_rate(std::string_view value, Request& request) {
  const auto rate = parse_number(value);
  if (!rate || *rate == 0) return "takes bytes a second, a decimal from 1";
  request.rate_max = *rate;
  return nullptr;
}

const char* take_merge_option(const HeaderLine::Option& option, Request& request) {
  if (option.name == "wait") return take_flag(option.value, request.is_wait) ? nullptr : kFlag;
  if (option.name == "rate") return take_rate(option.value, request);
  if (option.name != "do") return kUnknown;
  if (option.value == "pause") request.merge_action = MergeAction::kPause;
  if (option.value == "resume") request.merge_action = MergeAction::kResume;
  if (option.value == "stop") request.merge_action = MergeAction::kStop;
  return request.merge_action == MergeAction::kNow ? "takes pause, resume or stop" : nullptr;
}

const char* take_other_option(const HeaderLine::Option& option, Request& request) {
  if (request.verb != Verb::kHello && option.name == "fmt") {
    request.is_json = option.value == "json";
    return request.is_json || option.value == "text" ? nullptr : "takes text or json";
  }
  if (request.verb == Verb::kStats && option.name == "section") {
    request.section = option.value;
    return nullptr;
  }
  const bool is_long = request.verb == Verb::kVerify || request.verb == Verb::kBackup;
  if (is_long && option.name == "rate") return take_rate(option.value, request);
  if (request.verb == Verb::kBackup && option.name == "copy") {
    return take_flag(option.value, request.is_copy) ? nullptr : kFlag;
  }
  if (request.verb == Verb::kHello) {
    if (option.name == "v")
      return option.value == "1" ? nullptr : "this server speaks version 1; ask for that one";
    if (option.name == "client" || option.name == "id") return nullptr;
  }
  return kUnknown;
}

constexpr std::pair<std::string_view, ClusterAction> kClusterActions[] = {
    {"status", ClusterAction::kStatus},     {"transfer", ClusterAction::kTransfer},
    {"add", ClusterAction::kAdd},           {"remove", ClusterAction::kRemove},
    {"campaign", ClusterAction::kCampaign}, {"compare", ClusterAction::kCompare},
};

const char* take_cluster_option(const HeaderLine::Option& option, Request& request) {
  if (option.name == "fmt") {
    request.is_json = option.value == "json";
    return request.is_json || option.value == "text" ? nullptr : "takes text or json";
  }
  if (option.name == "node") {
    request.node_id = parse_number(option.value);
    return request.node_id ? nullptr : "takes a member's number, or 0";
  }
  if (option.name == "uuid") {
    const auto uuid = base::uuid_from_hex(option.value);
    request.node_uuid = uuid.value_or(base::Uuid());
    return request.node_uuid.is_nil() ? "takes 32 hex digits, not all of them 0" : nullptr;
  }
  if (option.name == "peer" || option.name == "client") {
    (option.name == "peer" ? request.peer_address : request.client_address) = option.value;
    return nullptr;
  }
  if (option.name == "force") {
    request.is_forced = option.value == "1";
    return request.is_forced || option.value == "0" ? nullptr : "takes 0 or 1";
  }
  if (option.name != "do") return kUnknown;
  for (const auto& [name, action] : kClusterActions) {
    if (option.value != name) continue;
    request.cluster_action = action;
    return nullptr;
  }
  return "takes status, transfer, add, remove, campaign or compare";
}

// What an action needs, and what it alone takes.
std::optional<BadOption> check_cluster(const Request& request) {
  const auto is = [&](ClusterAction action) { return request.cluster_action == action; };
  const bool takes_node =
      is(ClusterAction::kTransfer) || is(ClusterAction::kAdd) || is(ClusterAction::kRemove);
  if (request.node_id && !takes_node) {
    return BadOption{"node", "is for do=transfer, add and remove"};
  }
  const bool needs_node = is(ClusterAction::kAdd) || is(ClusterAction::kRemove);
  if (needs_node && request.node_id.value_or(0) == 0) {
    return BadOption{"node", "must name the member"};
  }
  const bool has_place = !request.peer_address.empty() || !request.client_address.empty();
  if (!is(ClusterAction::kAdd)) {
    if (has_place || !request.node_uuid.is_nil())
      return BadOption{"do", "takes uuid, peer and client only as add"};
  } else if (request.node_uuid.is_nil()) {
    return BadOption{"uuid", "is missing: that of the new member's disk"};
  } else if (request.peer_address.empty()) {
    return BadOption{"peer", "is missing: where other members find the new one"};
  }
  if (request.is_forced && !is(ClusterAction::kRemove)) {
    return BadOption{"force", "is for do=remove"};
  }
  return std::nullopt;
}

const char* take_option(const HeaderLine::Option& option, const Limits& limits, Request& request) {
  switch (request.verb) {
    case Verb::kPut:
    case Verb::kDel:
    case Verb::kBput:
      return take_write_option(option, request);
    case Verb::kRange:
    case Verb::kPrefix:
      return take_range_option(option, limits, request);
    case Verb::kHello:
    case Verb::kStats:
    case Verb::kInspect:
    case Verb::kVerify:
    case Verb::kBackup:
      return take_other_option(option, request);
    case Verb::kMerge:
      return take_merge_option(option, request);
    case Verb::kCluster:
      return take_cluster_option(option, request);
    case Verb::kGet:
      return take_level_option(option, request);
    case Verb::kWait:
      if (option.name == "ver") return take_min_version(option.value, request);
      if (option.name == "epoch") return take_epoch(option.value, request);
      return option.name == "timeout_ms" ? take_timeout(option.value, request) : kUnknown;
    case Verb::kPing:
    case Verb::kSession:
    case Verb::kHelp:
    case Verb::kQuit:
      return kUnknown;
  }
  return kUnknown;
}

}  // namespace

const VerbShape* find_verb(std::string_view name) {
  for (const VerbShape& shape : kVerbs) {
    if (equals_ignoring_case(name, shape.name)) return &shape;
  }
  return nullptr;
}

std::optional<BadOption> take_options(const HeaderLine& header, const Limits& limits,
                                      Request& request) {
  request.limit = limits.range_limit_default;
  const auto options = header.option_list();
  for (std::size_t i = 0; i < options.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (options[j].name == options[i].name)
        return BadOption{options[i].name, "given twice; give it once"};
    }
    if (const char* wrong = take_option(options[i], limits, request)) {
      return BadOption{options[i].name, wrong};
    }
  }
  const bool is_told_to_merge = request.is_wait || request.rate_max > 0;
  if (request.merge_action != MergeAction::kNow && is_told_to_merge) {
    return BadOption{"do", "stands alone: wait and rate are for a merge that begins"};
  }
  if (request.epoch > 0 && request.min_version == 0) {
    return BadOption{"epoch", "belongs to a version: give ver as well"};
  }
  if (request.min_version > 0 && request.stale_max_ms > 0) {
    return BadOption{"max_stale_ms", "stands alone: min_ver is another promise; give one"};
  }
  if (auto wrong = check_session(request)) return wrong;
  return request.verb == Verb::kCluster ? check_cluster(request) : std::nullopt;
}

}  // namespace kv::protocol
