#pragma once

#include <memory>
#include <string>

#include "kv/result.h"
#include "kv/store.h"
#include "server/server_options.h"

namespace kv::server {

class ClusterMember;

// The native protocol over TCP: a listener and its reactors. One acceptor hands sockets to the
// reactors in turn, which spreads few connections more evenly than the kernel's hashing of
// SO_REUSEPORT does.
//
// bind() listens, so that the address is known and taken before the store is opened; clients that
// connect meanwhile wait in the backlog. start() begins to serve. stop() may be called from any
// thread, also twice: kNow cuts a drain short. wait() returns when all is stopped; the store may be
// closed then.
class Server {
 public:
  enum class Stop {
    kDrain,  // no new connections; requests under way are answered, later ones get SHUTTING_DOWN
    kNow,
  };

  // kInvalidArgument: not HOST:PORT, or other machines reach it and is_insecure is not set; kIo:
  // the address is taken or not this machine's.
  [[nodiscard]] static Result<std::unique_ptr<Server>> bind(const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string address() const;       // "127.0.0.1:7400", the port as it came out
  std::string resp_address() const;  // of the listener for RESP alone; empty: there is none
  // The store outlives the server, and so does the cluster that it is part of, if there is one.
  [[nodiscard]] Result<void> start(Store& store, ClusterMember* cluster = nullptr);
  void stop(Stop how);
  void wait();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kv::server
