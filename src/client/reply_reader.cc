#include "client/reply_reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace kv::client {

namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kLineMax = 64 * 1024;

Errc code_of(std::string_view code) {
  if (code == "CONFLICT") return Errc::kConflict;
  if (code == "CORRUPT" || code == "ABORTED") return Errc::kCorruption;
  if (code == "NO_SPACE") return Errc::kNoSpace;
  if (code == "TRY_LATER" || code == "LOADING" || code == "NOT_LEADER" || code == "SHUTTING_DOWN") {
    return Errc::kTryLater;
  }
  if (code == "READ_ONLY") return Errc::kReadOnly;
  if (code == "UNKNOWN_OUTCOME") return Errc::kUnknownOutcome;
  if (code == "BAD_ARG" || code == "EMPTY_KEY" || code == "KEY_TOO_LARGE" ||
      code == "VALUE_TOO_LARGE" || code == "BATCH_TOO_LARGE") {
    return Errc::kInvalidArgument;
  }
  return Errc::kServer;
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

Result<void> ReplyReader::fill(Socket& socket, Socket::Clock::time_point deadline) {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  } else if (at_ > kReadSize) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadSize);
  auto got = socket.read_some(buffer_.data() + before, kReadSize, deadline);
  buffer_.resize(before + got.value_or(0));
  if (!got) return tl::unexpected(std::move(got).error());
  return {};
}

Result<ReplyReader::Line> ReplyReader::line(Socket& socket, Socket::Clock::time_point deadline) {
  std::size_t end = buffer_.find('\n', at_);
  while (end == std::string::npos) {
    if (buffer_.size() - at_ > kLineMax) {
      return tl::unexpected(
          Error{Errc::kProtocol, "a reply line without an end; is this a kv server?", {}});
    }
    if (auto filled = fill(socket, deadline); !filled)
      return tl::unexpected(std::move(filled).error());
    end = buffer_.find('\n', at_);
  }
  Line out;
  out.text = buffer_.substr(at_, end - at_);
  at_ = end + 1;
  const auto reply = protocol::parse_reply_line(out.text);
  if (!reply) {
    return tl::unexpected(
        Error{Errc::kProtocol,
              fmt::format("\"{}\" is no reply of a kv server", out.text.substr(0, 60)),
              {}});
  }
  out.reply = *reply;
  return out;
}

Result<void> ReplyReader::payload(Socket& socket, std::size_t size, std::string& out,
                                  Socket::Clock::time_point deadline) {
  const std::size_t here = std::min(size, buffer_.size() - at_);
  out.assign(buffer_, at_, here);
  at_ += here;
  // Grown by what comes, not by what was promised.
  while (out.size() < size) {
    const std::size_t before = out.size();
    const std::size_t step = std::min(size - before, std::max<std::size_t>(before, kReadSize));
    out.resize(before + step);
    auto got = socket.read_some(out.data() + before, step, deadline);
    out.resize(before + got.value_or(0));
    if (!got) return tl::unexpected(std::move(got).error());
  }
  return {};
}

Result<void> ReplyReader::end_of_payload(Socket& socket, Socket::Clock::time_point deadline) {
  std::string end;
  if (auto got = payload(socket, 1, end, deadline); !got) return got;
  if (end == "\n") return {};
  return tl::unexpected(Error{Errc::kProtocol, "a payload did not end where its length says", {}});
}

bool ReplyReader::has_whole_reply() const {
  const std::size_t end = buffer_.find('\n', at_);
  if (end == std::string::npos) return false;
  const auto reply = protocol::parse_reply_line(std::string_view(buffer_).substr(at_, end - at_));
  return !reply || buffer_.size() - end - 1 >= reply->payload_size();
}

}  // namespace kv::client
