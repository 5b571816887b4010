#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/known_servers.h"
#include "client/leader_search.h"
#include "client/reply_reader.h"
#include "client/socket.h"
#include "kv/client.h"

namespace kv {

// The one connection of a client, and what is known of it and of the servers. Every fault closes
// it: after one, no byte on it could be trusted to belong to the reply that is waited for.
struct Client::State {
  using Reply = Pipeline::Reply;

  enum class Kind {
    kRead,
    kWrite,
    kOfServer,  // about the server that answers: another one's answer is not the same
  };

  // What became of a request that got no reply.
  enum class Sent {
    kNotAWrite,  // nothing to be unsure of
    kPartly,     // not all of it left: a server does nothing with a part
    kWhole,      // the server may have carried it out
  };

  // An answer that came: a reply, or what the server said against it.
  struct Answer {
    Reply reply;
    std::optional<Error> refused;
  };

  State(const ClientOptions& with, std::vector<std::string> addresses)
      : options(with), servers(std::move(addresses)), reader(with.timeout) {}

  // Connects to the current server, also in place of a connection that it has given up meanwhile.
  Result<void> ensure_connected();
  // The same to any server, for a first connection.
  Result<void> find_server();
  void disconnect();
  client::Socket::Clock::time_point deadline() const {
    return client::Socket::Clock::now() + options.timeout;
  }

  client::LeaderSearch new_search() { return {servers, options.retry_for, random}; }
  // What the server's refusal, `error` in words, means for where the request goes next. nullopt: it
  // is the answer.
  using Failure = client::LeaderSearch::Failure;
  std::optional<Failure> failure_of_refusal(const Error& error) const;
  // After a try that failed with `error`, by an ERR or without a reply: whether the request is to
  // be sent again now, which in the latter case it only is if `may_repeat`. Goes on to the server
  // that is to be asked next, and waits when that is due. False: `error` is what it has come to.
  bool tries_again(client::LeaderSearch& search, Error& error, bool may_repeat);
  bool tries_again_refused(client::LeaderSearch& search, Error& error, bool may_repeat);
  bool tries_again_lost(client::LeaderSearch& search, Error& error, bool may_repeat);

  // One request and its reply; `body` is sent from where it is.
  Result<Reply> call(std::string_view head, std::string_view body, Kind kind);
  // A write, as a request of the session if there is to be one.
  using MakeHead = std::function<std::string(const SessionRequest&)>;
  Result<Reply> call_write(const MakeHead& make_head, std::string_view body = {});
  // The same, answered by the version it got.
  Result<Version> write(const MakeHead& make_head, std::string_view body = {});
  // A request that is answered by a text.
  Result<std::string> ask_for_text(std::string_view head);
  // One reply that is no stream. An error is a fault of the connection, which is closed then.
  Result<Answer> read_answer();
  // Takes an ERR line: remembers it, closes the connection where the server does.
  Error refused(const protocol::ReplyLine& reply);
  // Closes the connection and says what a request without reply has come to.
  Error unanswered(Error fault, Sent sent);

  const ClientOptions options;
  client::KnownServers servers;
  client::LeaderSearch::Random random{std::random_device{}()};
  std::optional<client::Socket> socket;
  client::ReplyReader reader;
  bool has_answered = false;  // this connection has, so that there is a kv server behind it
  std::optional<ServerError> server_error;
  std::optional<std::uint64_t> local_ack_epoch;  // of the last write that was no pipeline's
  std::uint64_t session = 0;                     // 0: none is open
  std::uint64_t next_number = 1;

 private:
  Result<Reply> write_of_session(const MakeHead& make_head, std::string_view body);
  Result<void> open_session();
  Result<Reply> call_numbered(std::string_view head, std::string_view body);
  std::optional<Failure> failure_of_numbered(const Error& error) const;
  Result<Reply> exchange(std::string_view head, std::string_view body, bool is_write);
  Result<void> send(std::string_view part, std::optional<Answer>& early);
  bool goes_on(client::LeaderSearch& search, const std::optional<Failure>& failure, Error& error,
               bool may_repeat);
};

// The number that a field of a reply holds; 0: there is none.
std::uint64_t number_in(std::string_view fields, std::string_view name);
// The version a reply names; 0: none.
Version version_in(const protocol::ReplyLine& reply);
Error unexpected_reply();

}  // namespace kv
