#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "etcd/endpoint.h"
#include "etcd/gateway.h"
#include "etcd/request.h"
#include "server/host_lookup.h"

namespace kv::etcd {

// Sends requests to the JSON gateway of an etcd cluster: one at a time, each on a connection of its
// own, so that no answer can be taken for another one's. Plain HTTP, without a password.
//
// A request that has no answer within `patience` has failed, at whatever it was; the next one goes
// to the next of the servers. The thread of its io_context.
class Client {
 public:
  using Done = std::function<void(const Reply&)>;

  Client(asio::io_context& io, std::vector<Endpoint> endpoints, Gateway gateway,
         std::chrono::milliseconds patience);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // None is under way. `done` is called once, and not from within this call.
  void ask(const Request& request, Done done);
  // What is under way ends without a word.
  void stop();

 private:
  struct Attempt;

  void connect(const std::shared_ptr<Attempt>& attempt);
  void connect_to(const std::shared_ptr<Attempt>& attempt,
                  const std::vector<asio::ip::tcp::endpoint>& found);
  void write(const std::shared_ptr<Attempt>& attempt);
  void read(const std::shared_ptr<Attempt>& attempt);
  void finish(const std::shared_ptr<Attempt>& attempt);
  void fail(const std::shared_ptr<Attempt>& attempt, const std::string& cause);
  void end(const std::shared_ptr<Attempt>& attempt, const Reply& reply);
  bool is_over(const std::shared_ptr<Attempt>& attempt) const { return attempt != attempt_; }

  asio::io_context& io_;
  const std::vector<Endpoint> endpoints_;
  const Gateway gateway_;
  const std::chrono::milliseconds patience_;
  std::vector<std::unique_ptr<server::HostLookup>> lookups_;  // one per endpoint
  asio::steady_timer timer_;
  std::size_t endpoint_ = 0;
  std::shared_ptr<Attempt> attempt_;  // null: none is under way
};

}  // namespace kv::etcd
