// How RESP's writing commands are carried out.

#include <algorithm>

#include <fmt/format.h>

#include "server/error_reply.h"
#include "server/resp_conversation.h"

namespace kv::server {

namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

void RespConversation::put(std::string_view key, std::string_view value) {
  const std::uint64_t bytes = key.size() + value.size();
  if (!hold_write(bytes)) return refuse_later(verb_, kRetryMemory);
  Write write;
  write.key = key;
  write.value = value;
  write.owner = parser_.payload_owner();
  submit(write, replies_.add_pending({verb_, now_, bytes}));
}

// `size`: of what the command brings.
void RespConversation::update(std::string_view key, std::unique_ptr<RespUpdate> update,
                              std::size_t size) {
  const std::uint64_t bytes = key.size() + size;
  if (must_warm(key)) return warm(key, verb_);
  if (!hold_write(bytes)) return refuse_later(verb_, kRetryMemory);
  Write write;
  write.kind = Write::Kind::kUpdate;
  write.key = key;
  write.update = update.get();
  PendingWrite pending{verb_, now_, bytes};
  pending.update = std::move(update);
  submit(write, replies_.add_pending(std::move(pending)));
}

void RespConversation::set(Arguments arguments) {
  SetRules rules;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::string option = upper(arguments[i].substr(0, 16));
    const bool is_only = option == "NX" || option == "XX";
    if (is_only && rules.only == SetRules::Only::kAlways) {
      rules.only = option == "NX" ? SetRules::Only::kAbsent : SetRules::Only::kPresent;
    } else if (option == "GET") {
      rules.reply = SetRules::Reply::kOldValue;
    } else if (option == "EX" || option == "PX" || option == "EXAT" || option == "PXAT" ||
               option == "KEEPTTL") {
      return fail(fmt::format("{} is not supported: keys do not expire here", option));
    } else {
      return fail("syntax error");
    }
  }
  const bool is_plain =
      rules.only == SetRules::Only::kAlways && rules.reply == SetRules::Reply::kOk;
  if (is_plain) return put(arguments[1], arguments[2]);
  update(arguments[1], make_set(arguments[2], rules), arguments[2].size());
}

void RespConversation::setnx(Arguments arguments) {
  const SetRules rules{SetRules::Only::kAbsent, SetRules::Reply::kNumber};
  update(arguments[1], make_set(arguments[2], rules), arguments[2].size());
}

void RespConversation::getset(Arguments arguments) {
  const SetRules rules{SetRules::Only::kAlways, SetRules::Reply::kOldValue};
  update(arguments[1], make_set(arguments[2], rules), arguments[2].size());
}

void RespConversation::getdel(Arguments arguments) { update(arguments[1], make_getdel(), 0); }

void RespConversation::mset(Arguments arguments) {
  if (arguments.size() % 2 == 0) return fail("wrong number of arguments for 'mset' command");
  std::uint64_t bytes = 0;
  for (const std::string_view one : arguments.subspan(1)) bytes += one.size();
  if (!hold_write(bytes)) return refuse_later(verb_, kRetryMemory);
  batch_.clear();
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    batch_.put(arguments[i], arguments[i + 1]);
  }
  Write write;
  write.kind = Write::Kind::kBatch;
  write.batch = &batch_;
  submit(write, replies_.add_pending({verb_, now_, bytes}));
}

// One write for each key: together they are counted, not atomic.
void RespConversation::del(Arguments arguments) {
  const Arguments keys = arguments.subspan(1);
  std::uint64_t bytes = 0;
  for (const std::string_view key : keys) bytes += key.size();
  if (!hold_write(bytes)) return refuse_later(verb_, kRetryMemory);
  PendingWrite pending{verb_, now_, bytes};
  pending.parts = static_cast<std::uint32_t>(keys.size());
  const std::uint64_t number = replies_.add_pending(std::move(pending));
  for (const std::string_view key : keys) {
    Write write;
    write.kind = Write::Kind::kDelete;
    write.key = key;
    submit(write, number);
  }
}

void RespConversation::increment(std::string_view key, std::int64_t by) {
  update(key, make_increment(by), sizeof by);
}

void RespConversation::incr(Arguments arguments) { increment(arguments[1], 1); }
void RespConversation::decr(Arguments arguments) { increment(arguments[1], -1); }

void RespConversation::incrby(Arguments arguments) {
  const auto by = resp_integer(arguments[2]);
  if (!by) return fail("value is not an integer or out of range");
  increment(arguments[1], *by);
}

void RespConversation::decrby(Arguments arguments) {
  const auto by = resp_integer(arguments[2]);
  if (!by) return fail("value is not an integer or out of range");
  if (*by == INT64_MIN) return fail("decrement would overflow");
  increment(arguments[1], -*by);
}

void RespConversation::append(Arguments arguments) {
  update(arguments[1], make_append(arguments[2]), arguments[2].size());
}

}  // namespace kv::server
