#include "client/client_state.h"

#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"

namespace kv {

using client::Socket;
using protocol::ReplyLine;

std::uint64_t number_in(std::string_view fields, std::string_view name) {
  const std::string_view text = protocol::field(fields, name).value_or("");
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Version version_in(const ReplyLine& reply) { return number_in(reply.fields, "ver"); }

Error unexpected_reply() { return {Errc::kProtocol, "the reply does not fit the request", {}}; }

Result<void> Client::State::ensure_connected() {
  const bool is_there = socket && socket->address() == servers.current();
  if (is_there && !reader.has_input() && socket->is_idle()) return {};
  disconnect();
  auto connected = Socket::connect(servers.current(), options.connect_timeout);
  if (!connected) return tl::unexpected(std::move(connected).error());
  socket = std::move(*connected);
  return {};
}

Result<void> Client::State::find_server() {
  client::LeaderSearch search = new_search();
  for (;;) {
    auto connected = ensure_connected();
    if (connected || !tries_again(search, connected.error(), true)) return connected;
  }
}

bool Client::State::tries_again(client::LeaderSearch& search, Error& error, bool may_repeat) {
  return server_error ? tries_again_refused(search, error, true)
                      : tries_again_lost(search, error, may_repeat);
}

bool Client::State::tries_again_refused(client::LeaderSearch& search, Error& error,
                                        bool may_repeat) {
  return goes_on(search, failure_of_refusal(error), error, may_repeat);
}

// The next call begins at another server even where this one may not go there: this server may
// keep silent for long.
bool Client::State::tries_again_lost(client::LeaderSearch& search, Error& error, bool may_repeat) {
  std::optional<Failure> failure;
  if (servers.are_several()) failure = Failure{Failure::Kind::kGone, describe(error)};
  const bool is_certain = error.code == Errc::kUnavailable || error.code == Errc::kTimeout;
  return goes_on(search, failure, error, may_repeat && is_certain);
}

std::optional<Client::State::Failure> Client::State::failure_of_refusal(const Error& error) const {
  KV_CHECK(server_error);
  if (server_error->maybe_applied) return std::nullopt;
  const std::string_view code = server_error->code;
  const std::string_view fields = server_error->fields;
  Failure out;
  out.text = fmt::format("{}: {}", servers.current(), error.context);
  const std::uint64_t wait_ms = std::min<std::uint64_t>(number_in(fields, "retry_ms"), INT32_MAX);
  out.wait = std::chrono::milliseconds(wait_ms);
  if (code == "NOT_LEADER") {
    out.kind = Failure::Kind::kNotLeader;
    out.leader = protocol::field(fields, "leader").value_or("");
    out.epoch = number_in(fields, "epoch");
    return out;
  }
  if (!servers.are_several()) return std::nullopt;
  out.kind = code == "TRY_LATER" ? Failure::Kind::kBusy : Failure::Kind::kGone;
  if (code == "TRY_LATER" || code == "SHUTTING_DOWN" || code == "LOADING") return out;
  return std::nullopt;
}

bool Client::State::goes_on(client::LeaderSearch& search, const std::optional<Failure>& failure,
                            Error& error, bool may_repeat) {
  if (!failure) return false;
  const auto wait = search.after(*failure, Socket::Clock::now());
  if (!may_repeat) return false;
  if (!wait) {
    error = search.give_up(std::move(error));
    return false;
  }
  std::this_thread::sleep_for(*wait);
  return true;
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
      if (protocol::field(line->fields, "ack") == "local") {
        out.reply.local_ack_epoch = number_in(line->fields, "epoch");
      }
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
                                                 Kind kind) {
  client::LeaderSearch search = new_search();
  for (;;) {
    server_error.reset();
    const auto connected = ensure_connected();
    auto reply = connected ? exchange(head, body, kind == Kind::kWrite)
                           : Result<Reply>(tl::unexpected(connected.error()));
    if (reply) return reply;
    const bool may_repeat = !connected || kind != Kind::kOfServer;
    if (!tries_again(search, reply.error(), may_repeat)) return reply;
  }
}

Result<void> Client::State::open_session() {
  // One that nobody hears of ends by itself.
  auto opened = call_numbered("SESSION\n", {});
  if (!opened) return tl::unexpected(std::move(opened).error());
  session = number_in(opened->fields, "session");
  next_number = 1;
  if (session == 0) return tl::unexpected(unanswered(unexpected_reply(), Sent::kNotAWrite));
  return {};
}

Result<Client::State::Reply> Client::State::call_write(const MakeHead& make_head,
                                                       std::string_view body) {
  local_ack_epoch.reset();
  auto reply = options.has_session ? write_of_session(make_head, body)
                                   : call(make_head({}), body, Kind::kWrite);
  if (reply) local_ack_epoch = reply->local_ack_epoch;
  return reply;
}

Result<Client::State::Reply> Client::State::write_of_session(const MakeHead& make_head,
                                                             std::string_view body) {
  for (bool is_new = false;; is_new = true) {
    if (session == 0) {
      if (auto opened = open_session(); !opened) return tl::unexpected(std::move(opened).error());
      is_new = true;
    }
    // One at a time: what came before is answered, or was given up for good.
    const std::uint64_t number = next_number++;
    auto reply = call_numbered(make_head({session, number, number, 0}), body);
    const bool is_expired = server_error && server_error->code == "SESSION_EXPIRED";
    if (reply || !is_expired) return reply;
    session = 0;
    // With an earlier try of unknown outcome that is what it has come to.
    if (is_new || reply.error().code != Errc::kSessionExpired) return reply;
  }
}

std::optional<Client::State::Failure> Client::State::failure_of_numbered(const Error& error) const {
  if (server_error && server_error->code != "UNKNOWN_OUTCOME") return failure_of_refusal(error);
  if (error.code == Errc::kProtocol) return std::nullopt;
  return Failure{Failure::Kind::kGone, describe(error)};
}

// Until there is an answer, or the time is over. What one try was not told counts until a later one
// is.
Result<Client::State::Reply> Client::State::call_numbered(std::string_view head,
                                                          std::string_view body) {
  client::LeaderSearch search = new_search();
  bool is_unknown = false;
  for (;;) {
    server_error.reset();
    const auto connected = ensure_connected();
    auto reply =
        connected ? exchange(head, body, true) : Result<Reply>(tl::unexpected(connected.error()));
    if (reply || reply.error().code == Errc::kConflict) return reply;
    is_unknown = is_unknown || reply.error().code == Errc::kUnknownOutcome;
    if (goes_on(search, failure_of_numbered(reply.error()), reply.error(), true)) continue;
    if (is_unknown && reply.error().code != Errc::kUnknownOutcome) {
      reply.error().code = Errc::kUnknownOutcome;
      reply.error().context += "; an earlier try of the write may have been applied";
    }
    return reply;
  }
}

// One try.
Result<Client::State::Reply> Client::State::exchange(std::string_view head, std::string_view body,
                                                     bool is_write) {
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
