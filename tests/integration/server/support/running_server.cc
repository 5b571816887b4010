#include "running_server.h"

#include <stdexcept>
#include <stdlib.h>
#include <thread>

namespace kv::test {

namespace {

template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::filesystem::path new_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "kv-server-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  return name;
}

}  // namespace

RunningServer::RunningServer(server::ServerOptions options, Options store_options)
    : directory(new_directory()) {
  options.listen = "127.0.0.1:0";
  options.log = [this](Event::Level, std::string_view name, std::string_view details) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::string(name) + " " + std::string(details));
  };
  store = std::make_unique<Store>(take(Store::open(directory, store_options)));
  server = take(server::Server::bind(options));
  take(server->start(*store));
}

RunningServer::~RunningServer() {
  server.reset();
  store.reset();
  std::filesystem::remove_all(directory);
}

std::string RunningServer::ask(std::string_view request) const {
  Peer peer = connect();
  peer.send(request);
  peer.half_close();
  return peer.read_to_end();
}

std::uint64_t RunningServer::stat(std::string_view name) const {
  const std::string page = ask("STATS\n");
  const std::string line = "\n" + std::string(name) + ": ";
  const std::size_t at = page.find(line);
  if (at == std::string::npos) throw std::runtime_error("no " + line + " in " + page);
  return std::stoull(page.substr(at + line.size()));
}

std::uint64_t RunningServer::await_stat(std::string_view name, std::uint64_t minimum) const {
  for (;;) {
    if (const std::uint64_t value = stat(name); value >= minimum) return value;
    std::this_thread::yield();
  }
}

std::vector<std::string> RunningServer::events() {
  const std::lock_guard lock(mutex_);
  return events_;
}

}  // namespace kv::test
