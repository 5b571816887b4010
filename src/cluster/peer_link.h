#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "cluster/frame_queue.h"
#include "format/membership.h"
#include "peer/frame_reader.h"
#include "peer/gather.h"
#include "peer/hello.h"
#include "server/event_log.h"
#include "server/host_lookup.h"

namespace kv::cluster {

// The way to one other member: a connection that this node makes, and makes again whenever it ends.
// Frames go one way on it; what the member has to say comes on the connection that it makes. While
// there is none, and while kQueueMax or more waits, frames are dropped, as a network would: raft
// sends again what matters.
//
// The thread of its io_context.
class PeerLink {
 public:
  static constexpr std::size_t kQueueMax = std::size_t{32} << 20;  // bytes

  // `hello`: what this node says of itself; `is_disk`: whether that is the member's disk.
  struct Questions {
    std::function<peer::Hello()> hello;
    std::function<bool(const base::Uuid& node_uuid)> is_disk;
  };
  PeerLink(asio::io_context& io, format::Member member, Questions questions, server::EventLog& log);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void start();
  void stop();  // for good
  void send(peer::Gather frame);
  void send_chunk(peer::Gather frame);  // goes when nothing else waits
  // What waits is of a lead that is over. Who gets it would hear a leader for as long as it comes,
  // and vote for nobody: much of it is given up, with the connection that it is on.
  void forget_backlog();
  const format::Member& member() const { return member_; }
  bool is_open() const { return state_ == State::kOpen; }
  // The member said that this node's disk is no member, and has not let it in since.
  bool is_shut() const { return is_shut_; }
  std::chrono::steady_clock::time_point opened() const { return opened_; }  // if it is open

 private:
  enum class State { kStopped, kWaiting, kConnecting, kOpen };
  // A connection and what belongs to it; callbacks of one that is given up find another.
  struct Connection {
    explicit Connection(asio::io_context& io) : socket(io) {}
    asio::ip::tcp::socket socket;
    peer::FrameReader reader;
    std::vector<char> buffer = std::vector<char>(4096);
    std::vector<peer::Gather> writing;
  };

  void connect();
  void connect_to(const std::vector<asio::ip::tcp::endpoint>& endpoints);
  void greet();
  void read();
  void take(std::string_view bytes);
  bool accept_answer(const peer::Frame& frame);
  bool has_room() const;
  void write_next();
  void give_up(std::string_view cause);
  void wait();

  asio::io_context& io_;
  const format::Member member_;
  const Questions ask_;
  server::EventLog& log_;
  std::optional<server::HostLookup> lookup_;  // none: the address is none
  asio::steady_timer timer_;                  // until the next attempt, or for the one under way
  std::shared_ptr<Connection> connection_;
  State state_ = State::kStopped;
  std::chrono::steady_clock::time_point opened_;
  bool is_shut_ = false;
  std::uint32_t attempts_ = 0;  // since it was open last
  FrameQueue queue_;
  std::size_t writing_ = 0;  // bytes
};

}  // namespace kv::cluster
