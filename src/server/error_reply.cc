#include "server/error_reply.h"

#include <algorithm>

#include "protocol/reply.h"

namespace kv::server {

namespace {

std::string_view code_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return "BAD_ARG";
    case Errc::kConflict:
      return "CONFLICT";
    case Errc::kCorruption:
      return "CORRUPT";
    case Errc::kNoSpace:
      return "NO_SPACE";
    case Errc::kUnknownOutcome:
      return "UNKNOWN_OUTCOME";
    case Errc::kReadOnly:
      return "READ_ONLY";
    case Errc::kTryLater:
    case Errc::kWouldBlock:
      return "TRY_LATER";
    case Errc::kClosed:
      return "SHUTTING_DOWN";
    case Errc::kIo:
    case Errc::kLocked:
    case Errc::kNotADatabase:
    case Errc::kNewerFormat:
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kProtocol:
    case Errc::kServer:
      return "INTERNAL";
  }
  return "INTERNAL";
}

// The name=value words that an error's context begins with; the rest is text.
std::string_view take_fields(std::string_view& context) {
  std::size_t end = 0;
  while (end < context.size()) {
    const std::size_t word_end = std::min(context.find(' ', end), context.size());
    const std::string_view word = context.substr(end, word_end - end);
    const bool is_field =
        word.find('=') != std::string_view::npos &&
        std::all_of(word.begin(), word.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!is_field) break;
    end = std::min(word_end + 1, context.size());
  }
  std::string_view fields = context.substr(0, end);
  if (!fields.empty() && fields.back() == ' ') fields.remove_suffix(1);
  context.remove_prefix(end);
  return fields;
}

}  // namespace

void append_error_reply(std::string& out, std::string_view tag, const Error& error) {
  const std::string whole = describe(error);
  std::string_view text = whole;
  const std::string_view fields = take_fields(text);
  const auto applied =
      error.code == Errc::kUnknownOutcome ? protocol::Applied::kMaybe : protocol::Applied::kNo;
  if (error.code == Errc::kTryLater || error.code == Errc::kWouldBlock) {
    protocol::append_error(out, tag, "TRY_LATER", applied, "retry_ms=25 reason=queue", text);
    return;
  }
  protocol::append_error(out, tag, code_of(error.code), applied, fields, text);
}

void append_aborted(std::string& out, std::string_view tag, const Error& error) {
  const std::string whole = describe(error);
  std::string_view text = whole;
  const std::string_view fields = take_fields(text);
  protocol::append_error(out, tag, "ABORTED", protocol::Applied::kNo, fields, text);
}

}  // namespace kv::server
