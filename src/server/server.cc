#include "server/server.h"

#include <mutex>

#include <fmt/format.h>

#include "base/check.h"
#include "server/acceptor.h"
#include "server/serving.h"

namespace kv::server {

struct Server::State {
  explicit State(const ServerOptions& server_options)
      : options(server_options), acceptor(options.log), resp_acceptor(options.log) {}

  bool has_resp_listener() const { return !options.resp_listen.empty(); }

  const ServerOptions options;
  Acceptor acceptor;
  Acceptor resp_acceptor;  // bound if there is to be one
  std::mutex mutex;        // guards what follows
  std::unique_ptr<Serving> serving;
  bool is_stopped = false;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop(Stop::kNow);
  wait();
}

Result<std::unique_ptr<Server>> Server::bind(const ServerOptions& options) {
  auto state = std::make_unique<State>(options);
  const auto reach =
      options.is_insecure ? Acceptor::Reach::kAnyMachine : Acceptor::Reach::kThisMachine;
  const bool has_two = state->has_resp_listener();
  // What is wrong with the options themselves is told first.
  auto bound = state->acceptor.find(options.listen, reach);
  if (bound && has_two) bound = state->resp_acceptor.find(options.resp_listen, reach);
  if (bound) bound = state->acceptor.bind();
  if (bound && has_two) bound = state->resp_acceptor.bind();
  if (!bound) return tl::unexpected(std::move(bound).error());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

namespace {

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  if (endpoint.address().is_v6()) return fmt::format("[{}]:{}", host, endpoint.port());
  return fmt::format("{}:{}", host, endpoint.port());
}

}  // namespace

std::string Server::address() const { return text_of(state_->acceptor.endpoint()); }

std::string Server::resp_address() const {
  return state_->has_resp_listener() ? text_of(state_->resp_acceptor.endpoint()) : std::string();
}

Result<void> Server::start(Store& store, ClusterMember* cluster) {
  const std::lock_guard lock(state_->mutex);
  KV_CHECK(state_->serving == nullptr);
  if (state_->is_stopped) return tl::unexpected(Error{Errc::kClosed, "the server was stopped", {}});
  std::vector<Serving::Listener> listeners = {
      {state_->acceptor, state_->options.hears_resp ? Dialect::kNativeOrResp : Dialect::kNative}};
  if (state_->has_resp_listener()) listeners.push_back({state_->resp_acceptor, Dialect::kResp});
  state_->serving =
      std::make_unique<Serving>(store, state_->options, std::move(listeners), cluster);
  return {};
}

void Server::stop(Stop how) {
  const std::lock_guard lock(state_->mutex);
  state_->is_stopped = true;
  state_->acceptor.stop();
  state_->resp_acceptor.stop();
  if (state_->serving == nullptr) return;
  state_->serving->stop(how == Stop::kDrain ? Reactor::Stop::kDrain : Reactor::Stop::kNow);
}

void Server::wait() {
  // stop() must not wait for this, so the lock is not held while the threads end.
  Serving* serving = nullptr;
  {
    const std::lock_guard lock(state_->mutex);
    serving = state_->serving.get();
  }
  if (serving != nullptr) serving->wait();
}

}  // namespace kv::server
