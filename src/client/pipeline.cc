#include <algorithm>
#include <utility>

#include "client/client_state.h"
#include "client/request_writer.h"

namespace kv {

using client::Socket;

// What one try to have a pipeline answered has come to.
struct Client::Pipeline::Try {
  std::vector<Result<Reply>> replies;
  bool was_lost = false;    // the connection, or there was none
  bool had_effect = false;  // or may have had: something was not just refused, or not even sent

  // nullptr: there is none.
  Result<Reply>* first_failure() {
    const auto found = std::find_if(replies.begin(), replies.end(),
                                    [](const Result<Reply>& reply) { return !reply; });
    return found == replies.end() ? nullptr : &*found;
  }
};

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
  client::LeaderSearch search = state.new_search();
  for (;;) {
    state.server_error.reset();
    Try outcome = try_once(bytes, requests);
    Result<Reply>* const failed = outcome.first_failure();
    if (failed == nullptr) return std::move(outcome.replies);
    // Also where it is not sent again, so that the next call begins where it is better served.
    const bool tries_again =
        outcome.was_lost ? state.tries_again_lost(search, failed->error(), !outcome.had_effect)
                         : state.tries_again_refused(search, failed->error(), !outcome.had_effect);
    if (!tries_again) return std::move(outcome.replies);
  }
}

Client::Pipeline::Try Client::Pipeline::try_once(std::string_view bytes,
                                                 const std::vector<Request>& requests) {
  State& state = *client_.state_;
  Try outcome;
  std::vector<Result<Reply>>& replies = outcome.replies;
  replies.reserve(requests.size());
  std::string_view unsent = bytes;
  std::optional<Error> fault;
  if (auto connected = state.ensure_connected(); !connected) {
    fault = std::move(connected).error();
    outcome.was_lost = true;
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
      outcome.was_lost = true;
      outcome.had_effect = true;
      break;
    }
    if (!answer->refused || !state.failure_of_refusal(*answer->refused)) outcome.had_effect = true;
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
  return outcome;
}

}  // namespace kv
