#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "peer/envelope.h"
#include "peer/fingerprint.h"
#include "peer/frame_reader.h"
#include "peer/hello.h"
#include "peer/message.h"
#include "peer/record_copy.h"
#include "peer/snapshot.h"

namespace kv::cluster {

// Who hears what members say.
class PeerListener {
 public:
  virtual ~PeerListener() = default;
  // The answer to who connected: HELLO_OK, or why not.
  virtual std::variant<peer::Hello, peer::Goodbye> greet(const peer::Hello& hello) = 0;
  virtual void receive(raft::NodeId from, const peer::Received& received) = 0;
  // More has come of records that are not whole yet.
  virtual void receive_part(const peer::Envelope& envelope) = 0;
  virtual void receive(raft::NodeId from, const peer::SnapshotFrame& frame) = 0;
  virtual void receive(raft::NodeId from, const peer::RecordFrame& frame) = 0;
  virtual void receive(raft::NodeId from, const peer::FingerprintFrame& frame) = 0;
  virtual void on_peer_fault(std::string_view address, std::string_view cause) = 0;
};

// A connection that another member made: it says who it is, then what it has to say, until it ends
// or sends what nobody writes. Memory: FrameReader's, so what has come of one frame. The thread of
// its socket; lives as long as something is under way.
class PeerSession : public std::enable_shared_from_this<PeerSession> {
 public:
  // The listener outlives the io_context's work.
  PeerSession(asio::ip::tcp::socket socket, PeerListener& listener)
      : socket_(std::move(socket)), listener_(listener) {}

  void start();
  void stop();
  // Not let in any more: it hears why, and the connection ends when it closes its side, or says
  // anything more.
  void dismiss(const peer::Goodbye& goodbye);
  // Who it is, once it said so and was let in.
  const std::optional<peer::Hello>& who() const { return who_; }

 private:
  void read();
  bool take(std::string_view bytes);
  bool take_frame(peer::Frame frame);
  void take_part();
  bool greet(const peer::Frame& frame);
  void answer(const peer::Gather& frame);
  bool refuse(std::string_view cause);

  asio::ip::tcp::socket socket_;
  PeerListener& listener_;
  peer::FrameReader reader_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::optional<peer::Hello> who_;
  bool is_dismissed_ = false;
};

}  // namespace kv::cluster
