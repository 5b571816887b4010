#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <asio/ip/tcp.hpp>

#include "server/conversation.h"

namespace kv::server {

class Reactor;

// A client's socket: moves bytes between it and its conversation, at most one read and one write at
// a time. Kept alive by its reactor and by whatever is under way for it. One thread: its reactor's.
class Connection final : public Host, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Reactor& reactor, std::uint64_t id, asio::ip::tcp::socket socket);

  std::uint64_t id() const { return id_; }
  void start();
  void written(std::uint64_t request, Result<WriteResult> result);
  void tick(Conversation::Clock::time_point now);
  void drain();
  void close();

  // Host
  void submit(const Write& write, std::uint64_t request) override;
  void defer(std::function<void()> work) override;
  std::string stats(bool is_json, std::string_view section) override;

 private:
  void go_on();  // starts what can be started: a write, a read, the end
  void read();
  void write();
  void finish(Conversation::End how);
  void drain_input();

  Reactor& reactor_;
  const std::uint64_t id_;
  asio::ip::tcp::socket socket_;
  Conversation conversation_;
  std::string sending_;
  std::size_t sent_ = 0;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_closed_ = false;
  bool is_finishing_ = false;
  Conversation::Clock::time_point finish_by_;
};

}  // namespace kv::server
