#include "server/error_reply.h"

#include <algorithm>

#include "protocol/reply.h"

namespace kv::server {

namespace {

using protocol::Applied;

struct WireError {
  std::string_view code;
  Applied applied = Applied::kNo;
  std::string_view reason = {};  // in place of the context's fields
};

// Cuts off the name=value words that an error's context begins with, "ver=9" or "segment=3
// offset=64": they become the reply's fields.
std::string_view take_fields(std::string_view& context) {
  const std::string_view whole = context;
  while (!context.empty()) {
    const std::size_t size = std::min(context.find(' '), context.size());
    const std::string_view word = context.substr(0, size);
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (word.find('=') == std::string_view::npos ||
        !std::all_of(word.begin(), word.end(), is_visible)) {
      break;
    }
    context.remove_prefix(std::min(size + 1, context.size()));
  }
  const std::string_view fields = whole.substr(0, whole.size() - context.size());
  return fields.substr(0, fields.find_last_not_of(' ') + 1);
}

std::string_view reason_of(const Error& later) {
  if (is_merge_debt(later)) return kRetryMergeDebt;
  if (later.context.starts_with("reason=cluster")) return kRetryCluster;
  if (later.context.starts_with("reason=sessions")) return kRetrySessions;
  return later.context.starts_with("reason=behind") ? kRetryBehind : kRetryQueue;
}

WireError wire_error(const Error& error) {
  switch (error.code) {
    case Errc::kConflict:
      return {"CONFLICT"};
    case Errc::kCorruption:
      return {"CORRUPT"};
    case Errc::kNoSpace:
      return {"NO_SPACE"};
    case Errc::kUnknownOutcome:
      return {"UNKNOWN_OUTCOME", Applied::kMaybe};
    case Errc::kReadOnly:
      return {"READ_ONLY"};
    case Errc::kNotLeader:
      return {"NOT_LEADER"};
    case Errc::kTryLater:
      return {"TRY_LATER", Applied::kNo, reason_of(error)};
    case Errc::kClosed:
      return {"SHUTTING_DOWN"};
    case Errc::kSessionExpired:
      return {"SESSION_EXPIRED"};
    case Errc::kRequestForgotten:  // nothing is done now; what was done then is not known any more
      return {"REQUEST_FORGOTTEN", Applied::kMaybe};
    case Errc::kInvalidArgument:
      return {"BAD_ARG"};
    case Errc::kIo:
    case Errc::kLocked:
    case Errc::kNotADatabase:
    case Errc::kNewerFormat:
    case Errc::kWouldBlock:
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kProtocol:
    case Errc::kServer:
      break;
  }
  return {"INTERNAL"};
}

}  // namespace

bool is_merge_debt(const Error& error) {
  return error.code == Errc::kTryLater && error.context.starts_with("reason=merge_debt");
}

void append_store_error(std::string& out, std::string_view tag, const Error& error) {
  const WireError wire = wire_error(error);
  const std::string whole = describe(error);
  std::string_view text = whole;
  const std::string_view fields = take_fields(text);
  protocol::append_error(out, tag, wire.code, wire.applied,
                         wire.reason.empty() ? fields : wire.reason, text);
}

void append_aborted(std::string& out, std::string_view tag, const Error& error) {
  const std::string whole = describe(error);
  std::string_view text = whole;
  const std::string_view fields = take_fields(text);
  protocol::append_error(out, tag, "ABORTED", Applied::kNo, fields, text);
}

}  // namespace kv::server
