#include "cluster/peer_link.h"

#include <algorithm>
#include <chrono>
#include <netinet/tcp.h>
#include <utility>

#include <asio/connect.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>

#include "server/listen_address.h"

namespace kv::cluster {

namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kPauseMin{20};
constexpr std::chrono::milliseconds kPauseMax{300};
constexpr std::chrono::milliseconds kPatience{1000};  // until the other one said who it is
constexpr std::chrono::milliseconds kSilence{2000};   // without an acknowledgement of what was sent
constexpr std::size_t kBacklog = std::size_t{1} << 20;  // bytes
// Milliseconds.
using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
// Bytes that the system takes beyond what the network has.
using NotSentMax = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
constexpr int kNotSentMax = 256 * 1024;

std::vector<asio::const_buffer> buffers_of(const std::vector<peer::Gather>& frames) {
  std::vector<asio::const_buffer> buffers;
  for (const peer::Gather& frame : frames) {
    for (const std::string_view piece : frame.pieces()) {
      buffers.emplace_back(piece.data(), piece.size());
    }
  }
  return buffers;
}

}  // namespace

PeerLink::PeerLink(asio::io_context& io, format::Member member, Questions questions,
                   server::EventLog& log)
    : io_(io), member_(std::move(member)), ask_(std::move(questions)), log_(log), timer_(io) {
  const auto address = server::parse_listen_address(member_.peer_address);
  if (address) lookup_.emplace(io, address->host, address->port);
}

PeerLink::~PeerLink() { stop(); }

void PeerLink::start() {
  state_ = State::kWaiting;
  connect();
}

void PeerLink::stop() {
  state_ = State::kStopped;
  if (lookup_) lookup_->cancel();
  timer_.cancel();
  if (connection_) {
    asio::error_code ignored;
    connection_->socket.close(ignored);
  }
  connection_.reset();
  queue_.clear();
}

// Whatever its size: a record that did not fit would keep all that come behind it from everybody.
bool PeerLink::has_room() const {
  return state_ == State::kOpen && writing_ + queue_.bytes() < kQueueMax;
}

void PeerLink::send(peer::Gather frame) {
  if (!has_room()) return;
  queue_.push(std::move(frame));
  write_next();
}

void PeerLink::send_chunk(peer::Gather frame) {
  if (!has_room()) return;
  queue_.push_chunk(std::move(frame));
  write_next();
}

void PeerLink::forget_backlog() {
  if (state_ != State::kOpen || writing_ + queue_.bytes() <= kBacklog) return;
  asio::error_code ignored;
  connection_->socket.set_option(asio::socket_base::linger(true, 0), ignored);  // the system's, too
  give_up("much was on its way when the lead ended");
}

void PeerLink::connect() {
  if (!lookup_) return give_up("that is no HOST:PORT");
  state_ = State::kConnecting;
  connection_ = std::make_shared<Connection>(io_);
  timer_.expires_after(kPatience);
  timer_.async_wait([this, connection = connection_](const asio::error_code& cancelled) {
    if (!cancelled && connection == connection_) give_up("no answer in time");
  });
  lookup_->find([this](const server::HostLookup::Found& found) {
    if (found.error) return give_up(found.error.message());
    connect_to(found.endpoints);
  });
}

void PeerLink::connect_to(const std::vector<tcp::endpoint>& endpoints) {
  asio::async_connect(connection_->socket, endpoints,
                      [this, connection = connection_](const asio::error_code& error, const auto&) {
                        if (connection != connection_) return;
                        if (error) return give_up(error.message());
                        greet();
                      });
}

// What nobody acknowledges makes the system wait longer and longer until it tries again: a member
// that was cut off for a minute would be left alone for one more when it is back. So the connection
// ends soon, and attempts to make another go on. What the system holds goes on when this process
// hangs, and over a slow link would be taken for its word for that long: so it holds little.
void PeerLink::greet() {
  asio::error_code ignored;
  connection_->socket.set_option(tcp::no_delay(true), ignored);
  connection_->socket.set_option(UserTimeout(static_cast<int>(kSilence.count())), ignored);
  connection_->socket.set_option(NotSentMax(kNotSentMax), ignored);
  peer::Hello hello = ask_.hello();
  hello.to = raft::NodeId{member_.node_id};
  peer::Gather frame;
  append_hello(frame, hello);
  queue_.clear();
  queue_.push(std::move(frame));
  write_next();
  read();
}

void PeerLink::read() {
  connection_->socket.async_read_some(
      asio::buffer(connection_->buffer),
      [this, connection = connection_](const asio::error_code& error, std::size_t size) {
        if (connection != connection_) return;
        if (error) return give_up(error.message());
        take({connection->buffer.data(), size});
        if (connection == connection_) read();
      });
}

// HELLO_OK, and nothing more; or GOODBYE at any time.
void PeerLink::take(std::string_view bytes) {
  while (!bytes.empty()) {
    auto frame = connection_->reader.take(bytes);
    if (!frame) return give_up(frame.error().context);
    if (!*frame) return;
    if (!accept_answer(**frame)) return;
  }
}

bool PeerLink::accept_answer(const peer::Frame& frame) {
  if (frame.type == peer::FrameType::kGoodbye) {
    const auto goodbye = peer::decode_goodbye(frame.payload);
    is_shut_ = goodbye && (goodbye->reason == peer::Reason::kNotAMember ||
                           goodbye->reason == peer::Reason::kReplaced);
    give_up(goodbye ? goodbye->text : "it said goodbye");
    return false;
  }
  const auto hello = frame.type == peer::FrameType::kHelloOk && state_ == State::kConnecting
                         ? peer::decode_hello(frame.payload)
                         : peer::refuse(peer::Fault::kMalformed, "an unexpected frame");
  const bool is_it = hello && hello->cluster_id == ask_.hello().cluster_id &&
                     hello->node_id == raft::NodeId{member_.node_id};
  if (!is_it) {
    give_up(hello ? "another node or cluster answers there" : hello.error().context);
    return false;
  }
  if (!ask_.is_disk(hello->node_uuid)) {
    give_up("that node had another disk; remove it, and add it again");
    return false;
  }
  state_ = State::kOpen;
  is_shut_ = false;
  opened_ = std::chrono::steady_clock::now();
  attempts_ = 0;
  timer_.cancel();
  log_.tell(Event::Level::kInfo, "peer connected",
            fmt::format("node={} address={}", member_.node_id, member_.peer_address),
            std::chrono::steady_clock::now());
  return true;
}

void PeerLink::write_next() {
  std::vector<peer::Gather>& writing = connection_->writing;
  if (!writing.empty() || queue_.bytes() == 0) return;
  writing_ = queue_.bytes();
  writing = queue_.take();
  writing_ -= queue_.bytes();
  asio::async_write(connection_->socket, buffers_of(writing),
                    [this, connection = connection_](const asio::error_code& error, auto) {
                      if (connection != connection_) return;
                      if (error) return give_up(error.message());
                      connection->writing.clear();
                      writing_ = 0;
                      write_next();
                    });
}

void PeerLink::give_up(std::string_view cause) {
  if (state_ == State::kStopped) return;
  log_.tell(Event::Level::kWarning, "peer not connected",
            fmt::format("node={} address={} cause=\"{}\" action=\"tried again\"", member_.node_id,
                        member_.peer_address, cause),
            std::chrono::steady_clock::now());
  if (lookup_) lookup_->cancel();
  if (connection_) {
    asio::error_code ignored;
    connection_->socket.close(ignored);
  }
  connection_.reset();
  queue_.clear();
  writing_ = 0;
  state_ = State::kWaiting;
  wait();
}

void PeerLink::wait() {
  attempts_ += 1;
  const auto pause = std::min(kPauseMax, kPauseMin * (1U << std::min(attempts_, 6U)));
  timer_.expires_after(pause);
  timer_.async_wait([this](const asio::error_code& cancelled) {
    if (!cancelled && state_ == State::kWaiting) connect();
  });
}

}  // namespace kv::cluster
