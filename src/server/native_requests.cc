// How a conversation carries out requests that do not read: writes, and those about the server.

#include <ctime>
#include <random>

#include <fmt/format.h>

#include "base/clock.h"
#include "protocol/reply.h"
#include "server/error_reply.h"
#include "server/hello_fields.h"
#include "server/help_page.h"
#include "server/native_conversation.h"
#include "server/read_rounds.h"

namespace kv::server {

using protocol::Request;
using protocol::Verb;

NativeConversation::NativeConversation(ConversationContext& context, std::uint64_t id)
    : Conversation(context, id), parser_(context.options.limits) {}

NativeConversation::~NativeConversation() = default;

Conversation::Parsed NativeConversation::parse() {
  switch (parser_.next()) {
    case protocol::RequestParser::Event::kNeedBytes:
      return Parsed::kNeedBytes;
    case protocol::RequestParser::Event::kRequest:
      return Parsed::kRequest;
    case protocol::RequestParser::Event::kRefused:
      return Parsed::kRefused;
    case protocol::RequestParser::Event::kFatal:
      break;
  }
  return Parsed::kFatal;
}

// What tells of all that the store has is one, too, as long as that is not whole. Of a member.
bool NativeConversation::is_read() const {
  const Request& request = parser_.request();
  const Verb verb = request.verb;
  const bool is_of_all = verb == Verb::kBackup || (verb == Verb::kWait && request.min_version == 0);
  if (is_of_all) return !context_.read_rounds->is_whole();
  if (verb == Verb::kWait) return true;
  return verb == Verb::kGet || verb == Verb::kRange || verb == Verb::kPrefix;
}

ReadLevel NativeConversation::read_level() const {
  using std::chrono::milliseconds;
  const Request& request = parser_.request();
  ReadLevel level{.min_version = request.min_version,
                  .stale_max = milliseconds(request.stale_max_ms)};
  level.epoch = request.epoch;
  if (level.min_version > 0) level.patience = milliseconds(request.timeout_ms);
  return level;
}

void NativeConversation::execute(const Request& request) {
  switch (request.verb) {
    case Verb::kPut:
    case Verb::kDel:
    case Verb::kBput:
      return write(request);
    case Verb::kSession:
      return open_session(request);
    case Verb::kGet:
    case Verb::kRange:
    case Verb::kPrefix:
    case Verb::kStats:
    case Verb::kMerge:
    case Verb::kInspect:
    case Verb::kVerify:
    case Verb::kBackup:
    case Verb::kCluster:
    case Verb::kWait:
      break;
    case Verb::kHello:
    case Verb::kPing:
    case Verb::kHelp:
    case Verb::kQuit:
      say(request);
      return;
  }
  if (!is_my_turn()) return;
  // A member has waited; a server alone has nobody to wait for.
  if (request.min_version > context_.backend.version()) return refuse_version(request);
  if (request.verb == Verb::kGet) {
    gather_read(request.key, request.tag);
  } else if (request.verb == Verb::kStats) {
    start_stats(request);
  } else if (request.verb == Verb::kMerge) {
    merge(request);
  } else if (request.verb == Verb::kInspect) {
    start_inspect(request);
  } else if (request.verb == Verb::kVerify || request.verb == Verb::kBackup) {
    start_upkeep(request);
  } else if (request.verb == Verb::kCluster) {
    tend_cluster(request);
  } else if (request.verb == Verb::kWait && request.epoch > 0 && context_.read_rounds == nullptr) {
    const Error alone{
        Errc::kInvalidArgument, "arg=epoch this server is no member of a cluster", {}};
    append_store_error(output_.text(), request.tag, alone);
    count_error(request.verb);
  } else if (request.verb == Verb::kWait) {
    protocol::append_written(output_.text(), request.tag, context_.backend.version());
    count(request.verb, now_);
  } else {
    start_range(request);
  }
}

void NativeConversation::refuse_version(const Request& request) {
  count_error(request.verb);
  count(request.verb, now_);
  const Error missing{
      Errc::kTryLater,
      fmt::format("reason=behind this server has come to version {}", context_.backend.version()),
      {}};
  append_store_error(output_.text(), request.tag, missing);
}

namespace {

std::uint64_t wall_clock_ms() {
  using std::chrono::milliseconds;
  const auto now = base::time_of(CLOCK_REALTIME);
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

// Not one that was there before, or that somebody else would come upon.
std::uint64_t draw_session() {
  std::random_device random;
  std::uniform_int_distribution<std::uint64_t> any(1, UINT64_MAX - 1);
  return any(random);
}

}  // namespace

void NativeConversation::open_session(const Request& request) {
  if (!hold_write(sizeof(SessionRequest))) return refuse_later(request.verb, kRetryMemory);
  Write write;
  write.kind = Write::Kind::kOpenSession;
  write.session.session = draw_session();
  write.session.now_ms = wall_clock_ms();
  write.options.ack = Ack::kMajority;
  PendingWrite pending{request.verb, now_, sizeof(SessionRequest)};
  pending.tag = request.tag;
  pending.count = write.session.session;
  submit(write, replies_.add_pending(std::move(pending)));
}

void NativeConversation::write(const Request& request) {
  if (request.session != 0) {
    const std::string session = Store::session_key(request.session);
    if (must_warm(session)) return warm(session, request.verb);
  }
  const auto kind = request.condition.kind;
  const bool is_judged = kind == Condition::Kind::kAbsent || kind == Condition::Kind::kVersion;
  if (is_judged && must_warm(request.key)) return warm(request.key, request.verb);
  std::uint64_t bytes = request.key.size() + request.value.size();
  for (const auto& [key, value] : request.pairs) bytes += key.size() + value.size();
  if (!hold_write(bytes)) return refuse_later(request.verb, kRetryMemory);
  Write write;
  fill_write(request, write);
  PendingWrite pending{request.verb, now_, bytes};
  pending.tag = request.tag;
  pending.count = request.pairs.size();
  submit(write, replies_.add_pending(std::move(pending)));
}

void NativeConversation::fill_write(const Request& request, Write& write) {
  write.options.sync = request.sync;
  if (context_.options.ack == Ack::kLocal) write.options.ack = request.ack;  // never a weaker one
  if (request.session != 0) {
    write.session = {request.session, request.number, request.done_below, wall_clock_ms()};
    write.options.ack = Ack::kMajority;
  }
  write.mode = ReadMode::kMayBlock;
  if (request.verb == Verb::kBput) {
    write.kind = Write::Kind::kBatch;
    batch_.clear();
    for (const auto& [key, value] : request.pairs) batch_.put(key, value);
    write.batch = &batch_;
    return;
  }
  write.kind = request.verb == Verb::kPut ? Write::Kind::kPut : Write::Kind::kDelete;
  write.key = request.key;
  write.value = request.value;
  write.owner = request.payload_owner;
  write.options.condition = request.condition;
}

void NativeConversation::append_written(std::string& out, const PendingWrite& write,
                                        const Result<WriteResult>& result) {
  if (!result) {
    append_store_error(out, write.tag, result.error());
  } else if (!result->was_found) {
    protocol::append_not_found(out, write.tag);
  } else if (write.verb == Verb::kSession) {
    protocol::append_ok(
        out, write.tag,
        fmt::format("session={} ttl_ms={}", write.count, context_.options.session_ttl.count()));
  } else if (write.verb == Verb::kBput) {
    const std::uint64_t epoch = result->local_epoch;
    protocol::append_ok(out, write.tag,
                        fmt::format("count={} ver={}{}", write.count, result->version,
                                    epoch > 0 ? fmt::format(" ack=local epoch={}", epoch) : ""));
  } else {
    protocol::append_written(out, write.tag, result->version, result->local_epoch);
  }
}

void NativeConversation::append_refusal(std::string& out, std::string_view tag,
                                        std::string_view code, std::string_view fields,
                                        std::string_view text) {
  protocol::append_error(out, tag, code, protocol::Applied::kNo, fields, text);
}

void NativeConversation::append_failure(std::string& out, std::string_view tag,
                                        const Error& error) {
  append_store_error(out, tag, error);
}

void NativeConversation::say(const Request& request) {
  if (request.has_echo && !try_hold_output(request.key.size())) {
    refuse_later(request.verb, kRetryMemory);
    return;
  }
  replies_.add([&](std::string& out) {
    switch (request.verb) {
      case Verb::kHello:
        protocol::append_ok(out, request.tag, hello_fields(context_.options, context_.cluster));
        break;
      case Verb::kPing:
        if (!request.has_echo) {
          protocol::append_ok(out, request.tag);
          break;
        }
        protocol::append_value_header(out, request.tag, request.key.size(), std::nullopt);
        out += request.key;
        out += '\n';
        break;
      case Verb::kHelp:
        protocol::append_info(out, request.tag, help_page());
        break;
      default:
        protocol::append_ok(out, request.tag, "bye");
        phase_ = Phase::kFinishing;
        break;
    }
  });
  count(request.verb, now_);
}

}  // namespace kv::server
