#include "client/reply_reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace kv::client {

namespace {

constexpr std::size_t kExcerpt = 60;  // of bytes that are no reply, in the message about them

Errc code_of(std::string_view code) {
  if (code == "CONFLICT") return Errc::kConflict;
  if (code == "CORRUPT") return Errc::kCorruption;
  if (code == "NO_SPACE") return Errc::kNoSpace;
  if (code == "TRY_LATER" || code == "LOADING" || code == "SHUTTING_DOWN") return Errc::kTryLater;
  if (code == "NOT_LEADER") return Errc::kNotLeader;
  if (code == "SESSION_EXPIRED") return Errc::kSessionExpired;
  if (code == "READ_ONLY") return Errc::kReadOnly;
  if (code == "UNKNOWN_OUTCOME") return Errc::kUnknownOutcome;
  if (code == "BAD_ARG" || code == "EMPTY_KEY" || code == "KEY_TOO_LARGE" ||
      code == "VALUE_TOO_LARGE" || code == "BATCH_TOO_LARGE") {
    return Errc::kInvalidArgument;
  }
  return Errc::kServer;
}

Error no_reply(const std::string& address, std::string_view bytes) {
  std::string text(bytes.substr(0, kExcerpt));
  for (char& c : text) c = c < 0x20 || c > 0x7e ? '?' : c;
  constexpr std::string_view kBeginningsOfResp = "+-$*:";
  const bool is_resp =
      bytes.ends_with('\r') && kBeginningsOfResp.find(bytes[0]) != std::string_view::npos;
  return {
      Errc::kProtocol,
      fmt::format("\"{}\" from {} is no reply of a kv server; {}", text, address,
                  is_resp ? "the protocol of Redis is spoken there: connect to the address that "
                            "the server calls native"
                          : "is it the address of one?"),
      {}};
}

}  // namespace

Error error_of(const protocol::ReplyLine& reply) {
  std::string context(reply.code);
  if (!reply.fields.empty()) context.append(" ").append(reply.fields);
  if (!reply.text.empty()) context.append(": ").append(reply.text);
  const Errc code =
      reply.applied == protocol::Applied::kMaybe ? Errc::kUnknownOutcome : code_of(reply.code);
  return {code, std::move(context), {}};
}

bool is_last_reply(const protocol::ReplyLine& reply) {
  constexpr std::string_view kClosing[] = {"BAD_HEADER",     "BAD_VERB",        "LINE_TOO_LONG",
                                           "WRONG_PROTOCOL", "BATCH_TOO_LARGE", "READ_TIMEOUT",
                                           "SLOW_READER",    "SHUTTING_DOWN"};
  if (std::find(std::begin(kClosing), std::end(kClosing), reply.code) != std::end(kClosing)) {
    return true;
  }
  return reply.code == "TRY_LATER" && protocol::field(reply.fields, "reason") == "connections";
}

Result<void> ReplyReader::fill(Socket& socket) {
  auto got = socket.read_some(buffer_.data() + end_, buffer_.size() - end_, deadline());
  if (!got) return tl::unexpected(std::move(got).error());
  end_ += *got;
  return {};
}

Result<protocol::ReplyLine> ReplyReader::line(Socket& socket) {
  std::size_t looked_at = 0;
  for (;;) {
    const std::string_view bytes(buffer_.data() + begin_, end_ - begin_);
    const std::size_t size = bytes.find('\n', looked_at);
    if (size != std::string_view::npos) {
      begin_ += size + 1;
      const auto reply = protocol::parse_reply_line(bytes.substr(0, size));
      if (!reply) return tl::unexpected(no_reply(socket.address(), bytes.substr(0, size)));
      return *reply;
    }
    if (bytes.size() == buffer_.size()) return tl::unexpected(no_reply(socket.address(), bytes));
    looked_at = bytes.size();
    std::memmove(buffer_.data(), bytes.data(), bytes.size());
    begin_ = 0;
    end_ = looked_at;
    if (auto filled = fill(socket); !filled) return tl::unexpected(std::move(filled).error());
  }
}

Result<void> ReplyReader::payload(Socket& socket, std::uint64_t size, std::string& out) {
  std::size_t have = std::min<std::uint64_t>(size, end_ - begin_);
  out.assign(buffer_.data() + begin_, have);
  begin_ += have;
  // A small rest comes by the buffer, which takes the replies behind it in the same call.
  if (have < size && size - have < kBufferSize) {
    while (have < size) {
      begin_ = end_ = 0;
      if (auto filled = fill(socket); !filled) return filled;
      const std::size_t more = std::min<std::uint64_t>(size - have, end_);
      out.append(buffer_.data(), more);
      begin_ = more;
      have += more;
    }
    return {};
  }
  while (have < size) {
    if (have == out.size())
      out.resize(std::min<std::uint64_t>(size, have + std::max(have, kBufferSize)));
    auto got = socket.read_some(out.data() + have, out.size() - have, deadline());
    if (!got) return tl::unexpected(std::move(got).error());
    have += *got;
  }
  return {};
}

Result<void> ReplyReader::end_of_payload(Socket& socket) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (auto filled = fill(socket); !filled) return filled;
  }
  if (buffer_[begin_] != '\n') {
    return tl::unexpected(
        Error{Errc::kProtocol, "a payload did not end where its length says", {}});
  }
  begin_ += 1;
  return {};
}

}  // namespace kv::client
