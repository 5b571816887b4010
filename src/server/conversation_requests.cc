// How a conversation carries out requests that do not read: writes, and those about the server.

#include <fmt/format.h>

#include "protocol/reply.h"
#include "server/conversation.h"
#include "server/error_reply.h"
#include "server/help_page.h"

namespace kv::server {

using protocol::Request;
using protocol::Verb;

void Conversation::execute(const Request& request) {
  switch (request.verb) {
    case Verb::kPut:
    case Verb::kDel:
    case Verb::kBput:
      if (must_warm(request)) {
        warm(request);
      } else {
        submit_write(request);
      }
      return;
    case Verb::kGet:
    case Verb::kRange:
    case Verb::kPrefix:
    case Verb::kStats:
    case Verb::kMerge:
    case Verb::kInspect:
    case Verb::kVerify:
    case Verb::kBackup:
      break;
    case Verb::kHello:
    case Verb::kPing:
    case Verb::kHelp:
    case Verb::kQuit:
      say(request);
      return;
  }
  request_waits_ = !replies_.empty();
  if (request_waits_) return;
  if (request.verb == Verb::kGet) {
    get(request);
  } else if (request.verb == Verb::kStats) {
    start_stats(request);
  } else if (request.verb == Verb::kMerge) {
    merge(request);
  } else if (request.verb == Verb::kInspect) {
    start_inspect(request);
  } else if (request.verb == Verb::kVerify || request.verb == Verb::kBackup) {
    start_upkeep(request);
  } else {
    start_range(request);
  }
}

// Judging a condition on a version reads the key's record, inside the store. When that would wait
// for the disk, it is read by a slow task first, so that it is in memory then.
bool Conversation::must_warm(const Request& request) const {
  const auto kind = request.condition.kind;
  if (kind != Condition::Kind::kAbsent && kind != Condition::Kind::kVersion) return false;
  if (is_warm_) return false;
  const auto value = context_.backend.get(request.key, ReadMode::kNoWait);
  return !value && value.error().code == Errc::kWouldBlock;
}

void Conversation::submit_write(const Request& request) {
  is_warm_ = false;
  std::uint64_t bytes = request.key.size() + request.value.size();
  for (const auto& [key, value] : request.pairs) bytes += key.size() + value.size();
  if (!try_hold_memory(bytes)) {
    refuse_later(request.verb, request.tag, kRetryMemory);
    return;
  }
  inflight_bytes_ += bytes;
  Write write;
  fill_write(request, write);
  const std::uint64_t number = replies_.add_pending(
      {request.verb, now_, std::string(request.tag), request.pairs.size(), bytes});
  has_unflushed_ = true;
  context_.writes_under_way += 1;
  context_.backend.submit(write, context_.listener, {id_, number});
}

void Conversation::fill_write(const Request& request, Write& write) {
  write.options.sync = request.sync;
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

void Conversation::written(std::uint64_t request, const Result<WriteResult>& result) {
  const PendingWrite& write = replies_.pending(request);
  inflight_bytes_ -= write.bytes;
  count(write.verb, write.start);
  if (!result) count_error(write.verb);
  if (!result && is_merge_debt(result.error())) context_.counters.try_later_merge_debt.add();
  replies_.complete(request, [&](std::string& out) {
    if (!result) {
      append_store_error(out, write.tag, result.error());
    } else if (!result->was_found) {
      protocol::append_not_found(out, write.tag);
    } else if (write.verb == Verb::kBput) {
      protocol::append_ok(out, write.tag,
                          fmt::format("count={} ver={}", write.count, result->version));
    } else {
      protocol::append_written(out, write.tag, result->version);
    }
  });
  request_lease_.hold(request_memory());
}

void Conversation::say(const Request& request) {
  if (request.has_echo && !try_hold_output(request.key.size())) {
    refuse_later(request.verb, request.tag, kRetryMemory);
    return;
  }
  replies_.add([&](std::string& out) {
    switch (request.verb) {
      case Verb::kHello:
        protocol::append_ok(out, request.tag, context_.hello);
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

void Conversation::refuse_later(Verb verb, std::string_view tag, std::string_view fields) {
  const bool is_memory = fields == kRetryMemory;
  (is_memory ? context_.counters.try_later_memory : context_.counters.try_later_queue).add();
  count_error(verb);
  replies_.add([&](std::string& out) {
    protocol::append_error(
        out, tag, "TRY_LATER", protocol::Applied::kNo, fields,
        is_memory ? "too much is under way at once" : "too many reads wait for the disk");
  });
}

// Requests of one batch are timed one after the other, with one look at the clock for each.
void Conversation::count(Verb verb, Time start) {
  now_ = context_.now();
  Counters::OfVerb& counters = context_.counters.of(verb);
  counters.requests.add();
  counters.latency.add(now_ - start);
}

}  // namespace kv::server
