#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "server/dialect.h"

namespace kv::server {

class Reactor;

// A client's socket: moves bytes between it and its conversation. Sends in gather writes, as many
// replies at once as there are. Kept alive by its reactor's table and by what is under way for it.
// One thread: its reactor's.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Reactor& reactor, std::uint64_t id, asio::ip::tcp::socket socket, Dialect dialect);

  std::uint64_t id() const { return id_; }
  Conversation& conversation() { return *conversation_; }

  // Does what can be done now: has the reactor flush writes, sends, reads, says goodbye. To be
  // called after anything happened to the conversation.
  void go_on();
  void tick();
  void drain();
  void close();

  bool is_queued = false;  // in the reactor's list of those to go on

 private:
  std::size_t write(const std::vector<std::string_view>& pieces, asio::error_code& error);
  void send();
  void read();
  void hear_first(std::size_t size);
  void received(const asio::error_code& error, std::size_t size);
  void part();
  void leave_if_idle();
  void linger();
  void read_and_drop();

  Reactor& reactor_;
  const std::uint64_t id_;
  asio::ip::tcp::socket socket_;
  std::unique_ptr<Conversation> conversation_;
  std::span<char> reading_;  // of the conversation's buffer
  bool may_be_resp_;         // its first bytes will tell
  bool is_reading_ = false;
  bool awaits_room_ = false;  // in the socket's send buffer
  bool has_turn_posted_ = false;
  bool is_draining_ = false;
  bool has_leaving_posted_ = false;
  bool is_lingering_ = false;
  bool is_closed_ = false;
  Time linger_end_;
  Time leave_at_;  // when draining
};

}  // namespace kv::server
