#include "server/resp_conversation.h"

#include <algorithm>

#include <fmt/format.h>

#include "server/error_reply.h"

namespace kv::server {

using protocol::RespParser;
using protocol::Verb;

RespConversation::RespConversation(ConversationContext& context, std::uint64_t id,
                                   RespParser::Inline inline_commands)
    : Conversation(context, id), parser_(context.options.limits, inline_commands) {}

RespConversation::~RespConversation() = default;

Conversation::Parsed RespConversation::parse() {
  switch (parser_.next()) {
    case RespParser::Event::kNeedBytes:
      return Parsed::kNeedBytes;
    case RespParser::Event::kCommand:
      return Parsed::kRequest;
    case RespParser::Event::kRefused:
      return Parsed::kRefused;
    case RespParser::Event::kFatal:
      break;
  }
  return Parsed::kFatal;
}

// Their number and the server's state are this node's own, whether it leads or not.
bool RespConversation::is_read() const {
  const Command* const command = find_command(parser_.arguments()[0]);
  return command != nullptr && (command->verb == Verb::kGet || command->verb == Verb::kRange);
}

void RespConversation::execute() {
  const Arguments arguments = parser_.arguments();
  const Command* const command = find_command(arguments[0]);
  if (command == nullptr) {
    verb_ = Verb::kPing;
    std::string rest;
    for (std::size_t i = 1; i < arguments.size() && rest.size() < 128; ++i) {
      rest += fmt::format("'{}' ", arguments[i].substr(0, 128 - rest.size()));
    }
    return fail(fmt::format("unknown command '{}', with args beginning with: {}",
                            arguments[0].substr(0, 128), rest));
  }
  verb_ = command->verb;
  const auto count = static_cast<int>(arguments.size());
  const bool fits = command->arity > 0 ? count == command->arity : count >= -command->arity;
  if (!fits) {
    return fail(fmt::format("wrong number of arguments for '{}' command", command->name));
  }
  (this->*command->run)(arguments);
}

void RespConversation::fail(std::string_view text, std::string_view code) {
  count_error(verb_);
  answer([&](std::string& out) { protocol::append_resp_error(out, code, text); });
}

void RespConversation::fail_with(const Error& error) {
  count_error(verb_);
  answer([&](std::string& out) { append_resp_store_error(out, error); });
}

void RespConversation::refuse_current(std::string_view code, std::string_view fields,
                                      std::string_view text) {
  std::string reply;
  append_refusal(reply, {}, code, fields, text);
  parser_.refuse_current(reply);
}

void RespConversation::append_refusal(std::string& out, std::string_view, std::string_view code,
                                      std::string_view, std::string_view text) {
  protocol::append_resp_error(out, code == "TRY_LATER" ? "TRYAGAIN" : "ERR", text);
}

void RespConversation::append_failure(std::string& out, std::string_view, const Error& error) {
  append_resp_store_error(out, error);
}

void RespConversation::append_written(std::string& out, const PendingWrite& write,
                                      const Result<WriteResult>& result) {
  if (!result) {
    append_resp_store_error(out, result.error());
  } else if (write.update) {
    static_cast<const RespUpdate&>(*write.update).reply(out, version_);
  } else if (write.verb == Verb::kDel) {
    protocol::append_integer(out, write.found);
  } else {
    protocol::append_simple(out, "OK");
  }
}

void append_resp_store_error(std::string& out, const Error& error) {
  const std::string text = describe(error);
  switch (error.code) {
    case Errc::kNoSpace:
    case Errc::kReadOnly:
      return protocol::append_resp_error(out, "MISCONF", text);
    case Errc::kTryLater:
      return protocol::append_resp_error(out, "TRYAGAIN", text);
    case Errc::kNotLeader:  // what clients of Redis take as a sign to look for the new one
      return protocol::append_resp_error(out, "READONLY", text);
    case Errc::kCorruption:
      return protocol::append_resp_error(out, "CORRUPT", text);
    case Errc::kUnknownOutcome:
      return protocol::append_resp_error(out, "UNKNOWNOUTCOME", text);
    default:
      return protocol::append_resp_error(out, "ERR", text);
  }
}

}  // namespace kv::server
