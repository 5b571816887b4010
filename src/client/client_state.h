#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/reply_reader.h"
#include "client/socket.h"
#include "kv/client.h"

namespace kv {

// The one connection of a client, and what is known of it. Every fault closes it: after one, no
// byte on it could be trusted to belong to the reply that is waited for.
struct Client::State {
  using Reply = Pipeline::Reply;

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

  explicit State(const ClientOptions& with) : options(with), reader(with.timeout) {}

  // Connects, also in place of a connection that the server has given up meanwhile.
  Result<void> ensure_connected();
  void disconnect();
  client::Socket::Clock::time_point deadline() const {
    return client::Socket::Clock::now() + options.timeout;
  }

  // One request and its reply; `body` is sent from where it is.
  Result<Reply> call(std::string_view head, std::string_view body, bool is_write);
  // A write that is answered by the version it got.
  Result<Version> write(std::string_view head, std::string_view body = {});
  // A request that is answered by a text.
  Result<std::string> ask_for_text(std::string_view head);
  // One reply that is no stream. An error is a fault of the connection, which is closed then.
  Result<Answer> read_answer();
  // Takes an ERR line: remembers it, closes the connection where the server does.
  Error refused(const protocol::ReplyLine& reply);
  // Closes the connection and says what a request without reply has come to.
  Error unanswered(Error fault, Sent sent);

  const ClientOptions options;
  std::optional<client::Socket> socket;
  client::ReplyReader reader;
  bool has_answered = false;  // this connection has, so that there is a kv server behind it
  std::optional<ServerError> server_error;

 private:
  Result<void> send(std::string_view part, std::optional<Answer>& early);
};

// The version a reply names; 0: none.
Version version_in(const protocol::ReplyLine& reply);
Error unexpected_reply();

}  // namespace kv
