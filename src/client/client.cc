#include "kv/client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "client/reply_reader.h"
#include "client/request_writer.h"
#include "client/socket.h"

namespace kv {

namespace {

using client::ReplyReader;
using client::Socket;
using protocol::ReplyLine;

constexpr std::uint64_t kPageItems = 10'000;  // of a RANGE that is read to its end

Error unexpected_reply(std::string_view line) {
  return {Errc::kProtocol, fmt::format("\"{}\" does not answer that request", line), {}};
}

Version version_in(const ReplyLine& reply) {
  const auto text = protocol::field(reply.fields, "ver");
  return text ? std::strtoull(std::string(*text).c_str(), nullptr, 10) : 0;
}

}  // namespace

struct Client::State {
  ClientOptions options;
  std::optional<Socket> socket;
  ReplyReader reader;
  std::optional<ServerError> server_error;
  std::string pipeline;               // requests not yet sent
  std::vector<bool> pipeline_writes;  // for each: it changes something

  Socket::Clock::time_point deadline() const { return Socket::Clock::now() + options.timeout; }
  Result<void> ensure_connected();
  Result<void> send(std::string_view head, std::string_view body = {});
  Result<ReplyReader::Line> answer();
  // Closes the connection; a write whose answer did not come has an unknown outcome.
  Error broken(Error error, bool is_write);
  Result<Pipeline::Reply> read_reply(bool is_write);
  template <class Take>
  auto call(std::string_view head, std::string_view body, bool is_write, Take take)
      -> decltype(take(std::declval<Pipeline::Reply>()));
};

Result<void> Client::State::ensure_connected() {
  if (socket) return {};
  auto connected = Socket::connect(options.address, options.connect_timeout);
  if (!connected) return tl::unexpected(std::move(connected).error());
  socket = std::move(*connected);
  reader = ReplyReader();
  return {};
}

Error Client::State::broken(Error error, bool is_write) {
  const bool is_connection_fault = error.code == Errc::kUnavailable ||
                                   error.code == Errc::kTimeout || error.code == Errc::kProtocol ||
                                   error.code == Errc::kIo;
  if (!is_connection_fault) return error;
  socket.reset();
  if (is_write) {
    error.code = Errc::kUnknownOutcome;
    error.context += "; the write may have been applied";
  }
  return error;
}

Result<void> Client::State::send(std::string_view head, std::string_view body) {
  for (std::string_view part : {head, body}) {
    while (!part.empty()) {
      auto sent = socket->write_some(part, deadline(), false);
      if (!sent) return tl::unexpected(std::move(sent).error());
      part.remove_prefix(*sent);
    }
  }
  return {};
}

// One reply that is not a stream, with its payload.
Result<Client::Pipeline::Reply> Client::State::read_reply(bool is_write) {
  auto line = reader.line(*socket, deadline());
  if (!line) return tl::unexpected(broken(std::move(line).error(), is_write));
  const ReplyLine& reply = line->reply;
  Pipeline::Reply out;
  out.version = version_in(reply);
  switch (reply.kind) {
    case ReplyLine::Kind::kOk:
      if (out.version == 0) out.value = std::string(reply.fields);
      return out;
    case ReplyLine::Kind::kNotFound:
      out.was_found = false;
      return out;
    case ReplyLine::Kind::kValue:
    case ReplyLine::Kind::kInfo: {
      out.value.emplace();
      auto got = reader.payload(*socket, reply.size1, *out.value, deadline());
      if (got) got = reader.end_of_payload(*socket, deadline());
      if (!got) return tl::unexpected(broken(std::move(got).error(), is_write));
      return out;
    }
    case ReplyLine::Kind::kError:
      server_error =
          ServerError{std::string(reply.code), reply.applied == protocol::Applied::kMaybe,
                      std::string(reply.fields), std::string(reply.text)};
      return tl::unexpected(client::error_of(reply));
    case ReplyLine::Kind::kItem:
    case ReplyLine::Kind::kKey:
    case ReplyLine::Kind::kEnd:
      break;
  }
  return tl::unexpected(broken(unexpected_reply(line->text), is_write));
}

template <class Take>
auto Client::State::call(std::string_view head, std::string_view body, bool is_write, Take take)
    -> decltype(take(std::declval<Pipeline::Reply>())) {
  server_error.reset();
  if (auto connected = ensure_connected(); !connected) {
    return tl::unexpected(std::move(connected).error());
  }
  if (auto sent = send(head, body); !sent) {
    // The server may have said why before it closed.
    if (sent.error().code == Errc::kUnavailable && socket) {
      if (auto reply = read_reply(false); !reply && server_error) {
        socket.reset();
        return tl::unexpected(std::move(reply).error());
      }
    }
    return tl::unexpected(broken(std::move(sent).error(), is_write));
  }
  auto reply = read_reply(is_write);
  if (!reply) return tl::unexpected(std::move(reply).error());
  return take(std::move(*reply));
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const ClientOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  if (auto connected = state->ensure_connected(); !connected) {
    return tl::unexpected(std::move(connected).error());
  }
  return Client(std::move(state));
}

Result<Version> Client::put(std::string_view key, std::string_view value,
                            const WriteOptions& options) {
  std::string head;
  client::append_put_header(head, key.size(), value.size(), options);
  head += key;
  return state_->call(head, value, true,
                      [](Pipeline::Reply reply) -> Result<Version> { return reply.version; });
}

Result<std::optional<Value>> Client::get(std::string_view key) {
  std::string head;
  client::append_get(head, key);
  return state_->call(head, {}, false, [](Pipeline::Reply reply) -> Result<std::optional<Value>> {
    if (!reply.was_found) return std::nullopt;
    return Value{std::move(reply.value).value_or(""), reply.version};
  });
}

Result<std::optional<Version>> Client::del(std::string_view key, const WriteOptions& options) {
  std::string head;
  client::append_del(head, key, options);
  return state_->call(head, {}, true, [](Pipeline::Reply reply) -> Result<std::optional<Version>> {
    if (!reply.was_found) return std::nullopt;
    return reply.version;
  });
}

Result<Version> Client::write(const Batch& batch, const WriteOptions& options) {
  std::string head;
  client::append_batch(head, batch, options);
  return state_->call(head, {}, true,
                      [](Pipeline::Reply reply) -> Result<Version> { return reply.version; });
}

Result<std::string> Client::stats(std::string_view format, std::string_view section) {
  std::string head = fmt::format("STATS fmt={}", format);
  if (!section.empty()) head += fmt::format(" section={}", section);
  head += '\n';
  return state_->call(head, {}, false, [](Pipeline::Reply reply) -> Result<std::string> {
    return std::move(reply.value).value_or("");
  });
}

Result<std::string> Client::hello() {
  return state_->call("HELLO v=1 client=cpp/" KV_VERSION "\n", {}, false,
                      [](Pipeline::Reply reply) -> Result<std::string> {
                        return std::move(reply.value).value_or("");
                      });
}

Result<std::string> Client::help() {
  return state_->call("HELP\n", {}, false, [](Pipeline::Reply reply) -> Result<std::string> {
    return std::move(reply.value).value_or("");
  });
}

Result<void> Client::ping() {
  return state_->call("PING\n", {}, false, [](Pipeline::Reply) -> Result<void> { return {}; });
}

Result<std::uint64_t> Client::range(const RangeOptions& options,
                                    const std::function<bool(Item&)>& visit) {
  State& state = *state_;
  state.server_error.reset();
  RangeOptions page = options;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  Item item;
  for (;;) {
    if (auto connected = state.ensure_connected(); !connected) {
      return tl::unexpected(std::move(connected).error());
    }
    std::string head;
    client::append_range(head, page, std::min(kPageItems, options.limit - count));
    auto sent = state.send(head);
    if (!sent) return tl::unexpected(state.broken(std::move(sent).error(), false));
    for (;;) {
      auto line = state.reader.line(*state.socket, state.deadline());
      if (!line) return tl::unexpected(state.broken(std::move(line).error(), false));
      const ReplyLine& reply = line->reply;
      if (reply.kind == ReplyLine::Kind::kError) return tl::unexpected(client::error_of(reply));
      if (reply.kind == ReplyLine::Kind::kEnd) {
        const bool has_more = protocol::field(reply.fields, "more") == "1";
        if (!has_more || count >= options.limit) return count;
        break;
      }
      if (reply.kind != ReplyLine::Kind::kItem && reply.kind != ReplyLine::Kind::kKey) {
        return tl::unexpected(state.broken(unexpected_reply(line->text), false));
      }
      auto got = state.reader.payload(*state.socket, reply.size1, item.key, state.deadline());
      if (got) got = state.reader.payload(*state.socket, reply.size2, item.value, state.deadline());
      if (got) got = state.reader.end_of_payload(*state.socket, state.deadline());
      if (!got) return tl::unexpected(state.broken(std::move(got).error(), false));
      item.version = version_in(reply);
      // Where the next page goes on.
      if (page.is_reverse) {
        page.end = item.key;
      } else {
        page.start = item.key + '\0';
      }
      count += 1;
      bytes += item.key.size() + item.value.size();
      const bool goes_on = visit(item) && bytes < options.bytes_max;
      if (!goes_on) {
        state.socket.reset();  // the rest of the page is of no interest
        return count;
      }
    }
  }
}

const std::optional<ServerError>& Client::last_server_error() const { return state_->server_error; }

Client::Pipeline Client::pipeline() { return Pipeline(*this); }
Client::Pipeline::Pipeline(Client& client) : client_(client) {}

void Client::Pipeline::put(std::string_view key, std::string_view value,
                           const WriteOptions& options) {
  client::append_put(client_.state_->pipeline, key, value, options);
  client_.state_->pipeline_writes.push_back(true);
}

void Client::Pipeline::get(std::string_view key) {
  client::append_get(client_.state_->pipeline, key);
  client_.state_->pipeline_writes.push_back(false);
}

void Client::Pipeline::del(std::string_view key) {
  client::append_del(client_.state_->pipeline, key, {});
  client_.state_->pipeline_writes.push_back(true);
}

void Client::Pipeline::write(const Batch& batch, const WriteOptions& options) {
  client::append_batch(client_.state_->pipeline, batch, options);
  client_.state_->pipeline_writes.push_back(true);
}

std::vector<Result<Client::Pipeline::Reply>> Client::Pipeline::drain() {
  State& state = *client_.state_;
  const std::string requests = std::exchange(state.pipeline, {});
  const std::vector<bool> writes = std::exchange(state.pipeline_writes, {});
  std::vector<Result<Reply>> replies;
  auto connected = state.ensure_connected();
  Error failure = connected ? Error{} : connected.error();
  std::string_view unsent = requests;
  while (connected && state.socket && replies.size() < writes.size()) {
    // Replies are read while requests are still being sent, or both sides could wait for ever.
    if (!unsent.empty()) {
      auto sent = state.socket->write_some(unsent, state.deadline(), true);
      if (!sent) {
        failure = state.broken(std::move(sent).error(), false);
        break;
      }
      unsent.remove_prefix(*sent);
      if (*sent > 0 && !unsent.empty()) continue;
      if (!unsent.empty()) {
        if (auto filled = state.reader.fill(*state.socket, state.deadline()); !filled) {
          failure = state.broken(std::move(filled).error(), false);
          break;
        }
      }
    }
    while (replies.size() < writes.size() && state.socket &&
           (unsent.empty() || state.reader.has_whole_reply())) {
      auto reply = state.read_reply(writes[replies.size()]);
      if (!reply) failure = reply.error();
      replies.push_back(std::move(reply));
    }
  }
  while (replies.size() < writes.size()) {
    Error error = failure;
    if (connected && writes[replies.size()] && error.code != Errc::kUnknownOutcome) {
      error.code = Errc::kUnknownOutcome;
      error.context += "; the write may have been applied";
    }
    replies.push_back(tl::unexpected(std::move(error)));
  }
  return replies;
}

}  // namespace kv
