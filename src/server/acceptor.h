#pragma once

#include <functional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "kv/result.h"
#include "server/event_log.h"

namespace kv::server {

// Listens on one address and hands out the sockets that connect. Without descriptors it pauses, and
// clients wait in the backlog. One thread at a time, that of its io_context.
class Acceptor {
 public:
  explicit Acceptor(EventLog::Write log) : acceptor_(io_), pause_(io_), log_(std::move(log)) {}

  enum class Reach { kThisMachine, kAnyMachine };
  // Finds out where HOST:PORT is; nothing listens yet. kInvalidArgument: it is no such text, or
  // other machines could reach it and must not.
  [[nodiscard]] Result<void> find(const std::string& listen, Reach reach);
  // Listens where find() found.
  [[nodiscard]] Result<void> bind();
  asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

  // `next_io` says which loop the next socket is for, `take` gets it, `paused` hears of pauses.
  std::function<asio::io_context&()> next_io;
  std::function<void(asio::ip::tcp::socket)> take;
  std::function<void()> paused;

  void run();   // until stop()
  void stop();  // any thread

 private:
  void accept();
  void pause(const asio::error_code& error);

  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::string listen_;
  asio::ip::tcp::endpoint endpoint_;
  EventLog log_;
};

}  // namespace kv::server
