#include "client/client_state.h"

#include <charconv>

#include <fmt/format.h>

namespace kv {

using client::Socket;
using protocol::ReplyLine;

Version version_in(const ReplyLine& reply) {
  const std::string_view text = protocol::field(reply.fields, "ver").value_or("");
  Version version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

Error unexpected_reply() { return {Errc::kProtocol, "the reply does not fit the request", {}}; }

Result<void> Client::State::ensure_connected() {
  if (socket && !reader.has_input() && socket->is_idle()) return {};
  disconnect();
  auto connected = Socket::connect(options.address, options.connect_timeout);
  if (!connected) return tl::unexpected(std::move(connected).error());
  socket = std::move(*connected);
  return {};
}

void Client::State::disconnect() {
  socket.reset();
  reader.reset();
  has_answered = false;
}

Error Client::State::unanswered(Error fault, Sent sent) {
  // A stranger who never spoke the protocol has not carried out a write of it.
  const bool is_stranger = fault.code == Errc::kProtocol && !has_answered;
  disconnect();
  if (sent == Sent::kWhole && !is_stranger) {
    fault.code = Errc::kUnknownOutcome;
    fault.context += "; the write may have been applied";
  }
  return fault;
}

Error Client::State::refused(const ReplyLine& reply) {
  server_error = ServerError{std::string(reply.code), reply.applied == protocol::Applied::kMaybe,
                             std::string(reply.fields), std::string(reply.text)};
  Error error = client::error_of(reply);
  if (client::is_last_reply(reply)) disconnect();
  return error;
}

Result<Client::State::Answer> Client::State::read_answer() {
  const auto line = reader.line(*socket);
  if (!line) return tl::unexpected(line.error());
  has_answered = true;
  Answer out;
  out.reply.version = version_in(*line);
  switch (line->kind) {
    case ReplyLine::Kind::kOk:
      out.reply.fields = line->fields;
      return out;
    case ReplyLine::Kind::kNotFound:
      out.reply.was_found = false;
      return out;
    case ReplyLine::Kind::kValue:
    case ReplyLine::Kind::kInfo: {
      out.reply.value.emplace();
      auto got = reader.payload(*socket, line->size1, *out.reply.value);
      if (got) got = reader.end_of_payload(*socket);
      if (!got) return tl::unexpected(std::move(got).error());
      return out;
    }
    case ReplyLine::Kind::kError:
      out.refused = refused(*line);
      return out;
    case ReplyLine::Kind::kItem:
    case ReplyLine::Kind::kKey:
    case ReplyLine::Kind::kEnd:
      break;
  }
  return tl::unexpected(unexpected_reply());
}

// Sends all of `part`. A reply that comes before the request is complete can only say why it will
// be refused; it is kept, and the rest is sent for as long as the server takes it.
Result<void> Client::State::send(std::string_view part, std::optional<Answer>& early) {
  while (!part.empty()) {
    auto sent = socket->write_some(part, deadline(),
                                   early ? Socket::Input::kIgnored : Socket::Input::kStops);
    if (!sent) return tl::unexpected(std::move(sent).error());
    part.remove_prefix(*sent);
    if (*sent > 0) continue;
    auto answer = read_answer();
    if (!answer) return tl::unexpected(std::move(answer).error());
    early = std::move(*answer);
    if (!socket) return {};
  }
  return {};
}

Result<Client::State::Reply> Client::State::call(std::string_view head, std::string_view body,
                                                 bool is_write) {
  server_error.reset();
  if (auto connected = ensure_connected(); !connected) {
    return tl::unexpected(std::move(connected).error());
  }
  std::optional<Answer> early;
  auto sent = send(head, early);
  if (sent && socket) sent = send(body, early);
  if (!sent && !early) {
    // What was sent last before the connection broke may say why.
    const bool may_have_spoken = sent.error().code == Errc::kUnavailable;
    if (auto answer = may_have_spoken ? read_answer() : tl::unexpected(sent.error())) {
      early = std::move(*answer);
    }
  }
  if (!sent) {
    Error fault = unanswered(std::move(sent).error(), is_write ? Sent::kPartly : Sent::kNotAWrite);
    if (!early) return tl::unexpected(std::move(fault));
  } else if (!early) {
    auto answer = read_answer();
    if (!answer) {
      return tl::unexpected(
          unanswered(std::move(answer).error(), is_write ? Sent::kWhole : Sent::kNotAWrite));
    }
    early = std::move(*answer);
  }
  if (early->refused) return tl::unexpected(std::move(*early->refused));
  return std::move(early->reply);
}

}  // namespace kv
