#include <utility>

#include "client/client_state.h"
#include "client/request_writer.h"

namespace kv {

using client::Socket;

Client::Pipeline::Pipeline(Client& client) : client_(client) {}

void Client::Pipeline::put(std::string_view key, std::string_view value,
                           const WriteOptions& options) {
  client::append_put(bytes_, key, value, options);
  requests_.push_back({bytes_.size(), true});
}

void Client::Pipeline::get(std::string_view key) {
  client::append_get(bytes_, key);
  requests_.push_back({bytes_.size(), false});
}

void Client::Pipeline::del(std::string_view key, const WriteOptions& options) {
  client::append_del(bytes_, key, options);
  requests_.push_back({bytes_.size(), true});
}

Result<void> Client::Pipeline::write(const Batch& batch, const WriteOptions& options) {
  if (auto fits = client::check_batch(batch); !fits) return fits;
  client::append_batch(bytes_, batch, options);
  requests_.push_back({bytes_.size(), true});
  return {};
}

std::vector<Result<Client::Pipeline::Reply>> Client::Pipeline::drain() {
  State& state = *client_.state_;
  const std::string bytes = std::exchange(bytes_, {});
  const std::vector<Request> requests = std::exchange(requests_, {});
  std::vector<Result<Reply>> replies;
  replies.reserve(requests.size());
  state.server_error.reset();

  std::string_view unsent = bytes;
  std::optional<Error> fault;
  if (auto connected = state.ensure_connected(); !connected) {
    fault = std::move(connected).error();
  }
  std::optional<Error> cannot_send;
  while (!fault && replies.size() < requests.size()) {
    // Once some of a reply is here the rest comes without our doing, and it is waited for; before,
    // waiting for it while the server waits for us to take other replies would be for ever.
    if (!unsent.empty() && !cannot_send && !state.reader.has_input()) {
      auto sent = state.socket->write_some(unsent, state.deadline(), Socket::Input::kStops);
      if (sent) {
        unsent.remove_prefix(*sent);
        if (*sent > 0) continue;
      } else {
        // Replies to what was sent before may still be on their way.
        cannot_send = std::move(sent).error();
      }
    }
    auto answer = state.read_answer();
    if (!answer) {
      fault = cannot_send ? std::move(cannot_send) : std::move(answer).error();
      break;
    }
    if (answer->refused) {
      // The server has looked at nothing behind a reply that closes the connection.
      if (!state.socket) {
        fault = Error{Errc::kUnavailable, "not sent on: " + answer->refused->context, {}};
        unsent = bytes;
      }
      replies.push_back(tl::unexpected(std::move(*answer->refused)));
    } else {
      replies.push_back(std::move(answer->reply));
    }
  }
  const std::size_t sent_size = bytes.size() - unsent.size();
  for (std::size_t i = replies.size(); i < requests.size(); ++i) {
    using Sent = State::Sent;
    const Sent sent = !requests[i].is_write          ? Sent::kNotAWrite
                      : requests[i].end <= sent_size ? Sent::kWhole
                                                     : Sent::kPartly;
    replies.push_back(tl::unexpected(state.unanswered(*fault, sent)));
  }
  return replies;
}

}  // namespace kv
