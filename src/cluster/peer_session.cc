#include "cluster/peer_session.h"

#include <string>
#include <utility>

#include <asio/write.hpp>

namespace kv::cluster {

void PeerSession::start() {
  asio::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  read();
}

void PeerSession::stop() {
  asio::error_code ignored;
  socket_.close(ignored);
}

void PeerSession::dismiss(const peer::Goodbye& goodbye) {
  if (is_dismissed_) return;
  is_dismissed_ = true;
  peer::Gather out;
  append_goodbye(out, goodbye);
  answer(out);
}

void PeerSession::read() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](const asio::error_code& error, auto size) {
                            if (error || self->is_dismissed_)
                              return;  // whoever made the connection makes another
                            if (self->take({self->buffer_.data(), size})) self->read();
                          });
}

bool PeerSession::take(std::string_view bytes) {
  while (!bytes.empty()) {
    auto frame = reader_.take(bytes);
    if (!frame) return refuse(frame.error().context);
    if (!*frame) {
      take_part();
      return true;
    }
    if (!take_frame(std::move(**frame))) return false;
  }
  return true;
}

// No checksum says yet that it came as it was sent, so nothing may follow from it but that somebody
// speaks.
void PeerSession::take_part() {
  const auto begun = reader_.begun();
  if (!who_ || !begun || begun->type != peer::FrameType::kAppend) return;
  const auto envelope = peer::envelope_at(begun->payload);
  if (envelope && envelope->from == who_->node_id) listener_.receive_part(*envelope);
}

bool PeerSession::take_frame(peer::Frame frame) {
  if (!who_) return greet(frame);
  if (frame.type == peer::FrameType::kGoodbye) return false;
  if (peer::is_snapshot(frame.type)) {
    const auto files = peer::decode_snapshot(std::move(frame));
    if (!files) return refuse(files.error().context);
    if (files->envelope().from != who_->node_id) return refuse("a message in another's name");
    listener_.receive(who_->node_id, *files);
    return true;
  }
  if (peer::is_record_copy(frame.type)) {
    const auto copy = peer::decode_record_copy(std::move(frame));
    if (!copy) return refuse(copy.error().context);
    if (copy->envelope().from != who_->node_id) return refuse("a message in another's name");
    listener_.receive(who_->node_id, *copy);
    return true;
  }
  if (peer::is_fingerprint(frame.type)) {
    const auto fingerprint = peer::decode_fingerprint(frame);
    if (!fingerprint) return refuse(fingerprint.error().context);
    if (fingerprint->envelope().from != who_->node_id) return refuse("a message in another's name");
    listener_.receive(who_->node_id, *fingerprint);
    return true;
  }
  const auto received = peer::decode_message(std::move(frame));
  if (!received) return refuse(received.error().context);
  if (received->message.from != who_->node_id) return refuse("a message in another's name");
  listener_.receive(who_->node_id, *received);
  return true;
}

bool PeerSession::greet(const peer::Frame& frame) {
  if (frame.type != peer::FrameType::kHello) return refuse("the first frame is no HELLO");
  const auto hello = peer::decode_hello(frame.payload);
  if (!hello) return refuse(hello.error().context);
  peer::Gather out;
  const auto said = listener_.greet(*hello);
  if (const auto* goodbye = std::get_if<peer::Goodbye>(&said)) {
    append_goodbye(out, *goodbye);
    answer(out);
    return refuse(goodbye->text);
  }
  append_hello_ok(out, std::get<peer::Hello>(said));
  answer(out);
  who_ = *hello;
  return true;
}

void PeerSession::answer(const peer::Gather& frame) {
  auto bytes = std::make_shared<std::string>(frame.joined());
  asio::async_write(socket_, asio::buffer(*bytes),
                    [self = shared_from_this(), bytes](const asio::error_code&, auto) {});
}

// The connection ends once the answer is out, as nothing reads from it any more.
bool PeerSession::refuse(std::string_view cause) {
  asio::error_code ignored;
  const auto from = socket_.remote_endpoint(ignored);
  listener_.on_peer_fault(ignored ? "unknown" : from.address().to_string(), cause);
  return false;
}

}  // namespace kv::cluster
