#include <algorithm>

#include "client/client_state.h"
#include "client/request_writer.h"

namespace kv {

using protocol::ReplyLine;

namespace {

constexpr std::uint64_t kPageItems = 10'000;

// Reads one range, page by page. Lives for one call.
class RangeReader {
 public:
  using Visit = std::function<bool(Item&)>;
  RangeReader(Client::State& state, const RangeOptions& options, const Visit& visit,
              const ReadOptions& level)
      : state_(state), rest_(options), visit_(visit), level_(level) {}

  Result<std::uint64_t> run() {
    client::LeaderSearch search = state_.new_search();
    while (!is_done()) {
      const std::uint64_t before = count_;
      auto read = read_page();
      if (read || count_ > before) search.start_over();
      if (read) continue;
      // What is here of a page that broke off stays, and the next try goes on behind it.
      if (!state_.tries_again(search, read.error(), true)) {
        return tl::unexpected(std::move(read).error());
      }
      state_.server_error.reset();
    }
    return count_;
  }

 private:
  bool is_done() const {
    const bool is_empty = rest_.end && *rest_.end <= rest_.start;
    return is_ended_ || is_empty || count_ >= rest_.limit || bytes_ >= rest_.bytes_max;
  }
  Result<void> read_page();
  Result<void> read_item(const ReplyLine& reply);

  Client::State& state_;
  RangeOptions rest_;  // start or end move on with each item; limit and bytes_max stay
  const Visit& visit_;
  const ReadOptions& level_;
  Item item_;
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  bool is_ended_ = false;
};

// One RANGE request and its reply.
Result<void> RangeReader::read_page() {
  if (auto connected = state_.ensure_connected(); !connected) return connected;
  std::string head;
  client::append_range(head, rest_, std::min(kPageItems, rest_.limit - count_),
                       rest_.bytes_max == UINT64_MAX ? UINT64_MAX : rest_.bytes_max - bytes_,
                       level_);
  const auto fail = [&](Error error) {
    return tl::unexpected(state_.unanswered(std::move(error), Client::State::Sent::kNotAWrite));
  };
  std::string_view unsent = head;
  while (!unsent.empty()) {
    auto sent =
        state_.socket->write_some(unsent, state_.deadline(), client::Socket::Input::kIgnored);
    if (!sent) return fail(std::move(sent).error());
    unsent.remove_prefix(*sent);
  }
  for (;;) {
    const auto line = state_.reader.line(*state_.socket);
    if (!line) return fail(line.error());
    state_.has_answered = true;
    if (line->kind == ReplyLine::Kind::kError) return tl::unexpected(state_.refused(*line));
    if (line->kind == ReplyLine::Kind::kEnd) {
      is_ended_ = protocol::field(line->fields, "more") != "1" || line->size1 == 0;
      return {};
    }
    if (line->kind != ReplyLine::Kind::kItem && line->kind != ReplyLine::Kind::kKey) {
      return fail(unexpected_reply());
    }
    if (auto read = read_item(*line); !read) return fail(std::move(read).error());
    if (!visit_(item_)) {
      state_.disconnect();  // the rest of the page is of no interest
      is_ended_ = true;
      return {};
    }
  }
}

Result<void> RangeReader::read_item(const ReplyLine& reply) {
  const std::uint64_t value_size = reply.size2;
  item_.version = version_in(reply);
  if (auto got = state_.reader.payload(*state_.socket, reply.size1, item_.key); !got) return got;
  if (auto got = state_.reader.payload(*state_.socket, value_size, item_.value); !got) return got;
  if (auto got = state_.reader.end_of_payload(*state_.socket); !got) return got;
  // Where the next page goes on.
  if (rest_.is_reverse) {
    rest_.end = item_.key;
  } else {
    rest_.start = item_.key;
    rest_.start += '\0';
  }
  count_ += 1;
  bytes_ += item_.key.size() + item_.value.size();
  return {};
}

}  // namespace

Result<std::uint64_t> Client::range(const RangeOptions& options,
                                    const std::function<bool(Item&)>& visit,
                                    const ReadOptions& level) {
  state_->server_error.reset();
  return RangeReader(*state_, options, visit, level).run();
}

}  // namespace kv
