#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kv/store.h"
#include "peer.h"
#include "server/server.h"

namespace kv::test {

// A server over a store of its own in a new directory, on a free port of the loopback.
class RunningServer {
 public:
  explicit RunningServer(server::ServerOptions options = {}, Options store_options = {});
  ~RunningServer();

  Peer connect(int receive_buffer = 0) const { return Peer(server->address(), receive_buffer); }
  // One request's whole answer, on a connection of its own.
  std::string ask(std::string_view request) const;
  // A number of STATS, asked for again until it is at least `minimum`.
  std::uint64_t await_stat(std::string_view name, std::uint64_t minimum) const;
  std::uint64_t stat(std::string_view name) const;
  std::vector<std::string> events();

  std::filesystem::path directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<server::Server> server;

 private:
  std::mutex mutex_;
  std::vector<std::string> events_;
};

}  // namespace kv::test
