#include "server/connection.h"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include "server/reactor.h"

namespace kv::server {

namespace {

constexpr auto kFarewellMax = std::chrono::seconds(1);

Conversation::Clock::time_point now() { return Conversation::Clock::now(); }

}  // namespace

Connection::Connection(Reactor& reactor, std::uint64_t id, asio::ip::tcp::socket socket)
    : reactor_(reactor),
      id_(id),
      socket_(std::move(socket)),
      conversation_(reactor.shared(), *this, now()) {}

void Connection::start() { go_on(); }

void Connection::go_on() {
  if (is_closed_) return;
  if (conversation_.is_cut_off()) return close();
  if (!is_writing_ && conversation_.has_output()) write();
  if (!is_reading_ && !is_finishing_ && conversation_.wants_input()) read();
  const Conversation::End end = conversation_.end();
  if (end != Conversation::End::kOpen && !is_writing_) finish(end);
}

void Connection::read() {
  is_reading_ = true;
  const std::span<char> space = conversation_.input();
  socket_.async_read_some(
      asio::buffer(space.data(), space.size()),
      [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
        self->is_reading_ = false;
        if (self->is_closed_) return;
        if (error == asio::error::eof) {
          self->conversation_.received_end(now());
        } else if (error) {
          return self->close();
        } else {
          self->conversation_.received(size, now());
        }
        self->go_on();
      });
}

void Connection::write() {
  is_writing_ = true;
  if (sent_ == sending_.size()) {
    sending_ = conversation_.take_output();
    sent_ = 0;
  }
  socket_.async_write_some(
      asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
      [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
        self->is_writing_ = false;
        if (self->is_closed_) return;
        if (error) return self->close();
        self->sent_ += size;
        self->conversation_.sent(size, now());
        if (self->sent_ < self->sending_.size()) {
          self->write();
        } else {
          std::string().swap(self->sending_);
          self->sent_ = 0;
        }
        self->go_on();
      });
}

void Connection::written(std::uint64_t request, Result<WriteResult> result) {
  if (is_closed_) return;
  conversation_.written(request, std::move(result), now());
  go_on();
}

void Connection::tick(Conversation::Clock::time_point time) {
  if (is_finishing_) {
    if (time > finish_by_) close();
    return;
  }
  conversation_.tick(time);
  go_on();
}

void Connection::drain() {
  // While a read is under way the parser's buffer is the socket's; what it brings is refused then.
  conversation_.drain(is_reading_);
  go_on();
}

// Says goodbye so that the last reply is not lost to a reset: send side first, then, where the
// client is known to be sending still, its bytes are read and dropped for a moment.
void Connection::finish(Conversation::End how) {
  if (is_finishing_) return;
  asio::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  if (how == Conversation::End::kClose && !conversation_.has_unread_input()) return close();
  is_finishing_ = true;
  finish_by_ = now() + kFarewellMax;
  drain_input();
}

void Connection::drain_input() {
  if (is_reading_) return;
  auto space = std::make_shared<std::array<char, 16 * 1024>>();
  socket_.async_read_some(asio::buffer(*space), [self = shared_from_this(), space](
                                                    const asio::error_code& error, std::size_t) {
    if (self->is_closed_) return;
    if (error) return self->close();
    self->drain_input();
  });
}

void Connection::close() {
  if (is_closed_) return;
  is_closed_ = true;
  asio::error_code ignored;
  socket_.close(ignored);
  reactor_.remove(id_);
}

void Connection::submit(const Write& write, std::uint64_t request) {
  reactor_.submit(write, {id_, request});
}

void Connection::defer(std::function<void()> work) {
  reactor_.defer([self = shared_from_this(), work = std::move(work)] { work(); },
                 [self = shared_from_this()] {
                   if (self->is_closed_) return;
                   self->conversation_.resumed(now());
                   self->go_on();
                 });
}

std::string Connection::stats(bool is_json, std::string_view section) {
  return reactor_.stats(is_json, section);
}

}  // namespace kv::server
