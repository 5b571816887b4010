#include "server/connection.h"

#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/post.hpp>

#include "server/reactor.h"

namespace kv::server {

namespace {

// How long a client that may still be sending is listened to after the last reply.
constexpr std::chrono::seconds kLingerMax{1};

}  // namespace

Connection::Connection(Reactor& reactor, std::uint64_t id, asio::ip::tcp::socket socket,
                       Dialect dialect)
    : reactor_(reactor),
      id_(id),
      socket_(std::move(socket)),
      conversation_(make_conversation(dialect, reactor.context(), id)),
      may_be_resp_(dialect == Dialect::kNativeOrResp) {
  asio::error_code ignored;  // neither matters on a socket that is broken already
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

void Connection::go_on() {
  if (is_closed_ || is_lingering_) return;
  if (conversation_->take_unflushed()) {
    // Its replies go out with those of the writes.
    reactor_.flush_later(*this);
    return;
  }
  send();
  if (is_closed_) return;
  if (conversation_->take_unflushed()) reactor_.flush_later(*this);
  if (conversation_->end() != Conversation::End::kOpen) {
    part();
    return;
  }
  if (conversation_->wants_turn() && !has_turn_posted_) {
    has_turn_posted_ = true;
    asio::post(reactor_.io(), [self = shared_from_this()] {
      self->has_turn_posted_ = false;
      if (self->is_closed_) return;
      self->conversation_->go_on();
      self->go_on();
    });
  }
  if (is_draining_ && conversation_->is_idle() && reactor_.now() >= leave_at_) leave_if_idle();
  if (conversation_->wants_input() && !is_reading_) read();
}

// As much as the socket takes. One piece, as most often, goes without the vector of a gather write,
// which the system would copy first.
std::size_t Connection::write(const std::vector<std::string_view>& pieces,
                              asio::error_code& error) {
  if (pieces.size() == 1) {
    return socket_.write_some(asio::buffer(pieces[0].data(), pieces[0].size()), error);
  }
  std::vector<asio::const_buffer>& buffers = reactor_.buffers();
  buffers.clear();
  for (const std::string_view piece : pieces) buffers.emplace_back(piece.data(), piece.size());
  return socket_.write_some(buffers, error);
}

void Connection::send() {
  std::vector<std::string_view>& pieces = reactor_.pieces();
  while (!conversation_->output().empty() && !awaits_room_) {
    conversation_->output().gather(pieces);
    asio::error_code error;
    const std::size_t size = write(pieces, error);
    if (error == asio::error::would_block) {
      awaits_room_ = true;
      socket_.async_wait(asio::ip::tcp::socket::wait_write,
                         [self = shared_from_this()](const asio::error_code& failed) {
                           self->awaits_room_ = false;
                           if (failed) return self->close();
                           self->go_on();
                         });
      return;
    }
    if (error) return close();
    conversation_->output().consume(size);
    conversation_->sent(size);
  }
}

void Connection::read() {
  is_reading_ = true;
  reading_ = conversation_->buffer();
  socket_.async_read_some(
      asio::buffer(reading_.data(), reading_.size()),
      [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
        self->received(error, size);
      });
}

void Connection::received(const asio::error_code& error, std::size_t size) {
  is_reading_ = false;
  if (is_closed_) return;
  if (is_lingering_) {
    if (error) return close();
    return read_and_drop();
  }
  if (error == asio::error::eof) {
    conversation_->input_ended();
  } else if (error) {
    return close();
  } else {
    if (std::exchange(may_be_resp_, false)) hear_first(size);
    conversation_->received(size);
  }
  go_on();
}

void Connection::hear_first(std::size_t size) {
  auto other = server::hear_first({reading_.data(), size}, reactor_.context(), id_);
  if (other == nullptr) return;
  conversation_ = std::move(other);
  if (is_draining_) conversation_->drain();
}

void Connection::tick() {
  if (is_lingering_) {
    if (reactor_.now() >= linger_end_) close();
    return;
  }
  conversation_->tick();
  go_on();
}

void Connection::drain() {
  if (!std::exchange(is_draining_, true)) {
    leave_at_ = reactor_.now() + reactor_.context().options.goodbye;
  }
  conversation_->drain();
  go_on();
}

// Behind the handlers that are ready now: a request that has come as far as the socket is answered.
void Connection::leave_if_idle() {
  if (std::exchange(has_leaving_posted_, true)) return;
  asio::post(reactor_.io(), [self = shared_from_this()] {
    self->has_leaving_posted_ = false;
    asio::error_code error;
    const bool has_more = !self->is_closed_ && self->socket_.available(error) > 0;
    if (self->conversation_->is_idle() && !has_more) self->close();
  });
}

void Connection::part() {
  if (conversation_->end() == Conversation::End::kLinger) {
    linger();
  } else {
    close();
  }
}

void Connection::linger() {
  is_lingering_ = true;
  linger_end_ = reactor_.now() + kLingerMax;
  asio::error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  if (!is_reading_) read_and_drop();
}

void Connection::read_and_drop() {
  is_reading_ = true;
  socket_.async_read_some(reactor_.dropped(), [self = shared_from_this()](
                                                  const asio::error_code& error, std::size_t size) {
    self->received(error, size);
  });
}

void Connection::close() {
  if (is_closed_) return;
  is_closed_ = true;
  asio::error_code ignored;
  socket_.close(ignored);
  reactor_.remove(*this);
}

}  // namespace kv::server
