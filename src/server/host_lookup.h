#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

namespace kv::server {

// Finds where HOST:PORT is. An address is what it says. For a name the system is asked, which takes
// many seconds when no name server answers, and cannot be called off; Asio would ask on one thread
// for everything that an io_context does, and wait for it before that ends. So each of these asks
// on a thread of its own, one question at a time, that nobody waits for: the process may end
// meanwhile. An answer that comes when nobody waits any more serves whoever asks next.
//
// The thread of its io_context.
class HostLookup {
 public:
  struct Found {
    asio::error_code error;
    std::vector<asio::ip::tcp::endpoint> endpoints;  // at least one, unless there is an error
  };
  using Done = std::function<void(const Found&)>;
  // On a thread of its own: what it uses outlives everything.
  using Ask = std::function<Found(const std::string& host, const std::string& port)>;

  // `port`: a number.
  HostLookup(asio::io_context& io, std::string host, std::string port, Ask ask = ask_system);
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  // Nobody waits. `done` is called once, and not from within this call.
  void find(Done done);
  // Whoever waits is not called.
  void cancel();

  static Found ask_system(const std::string& host, const std::string& port);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // also what the thread has of this
};

}  // namespace kv::server
