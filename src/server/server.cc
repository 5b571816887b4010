#include "server/server.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>

#include "protocol/reply.h"
#include "server/reactor.h"
#include "server/stats_report.h"

namespace kv::server {

namespace {

using asio::ip::tcp;

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == listen.size()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument, fmt::format("\"{}\" is not HOST:PORT", listen), {}});
  }
  std::string host = listen.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  asio::error_code error;
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(host, listen.substr(colon + 1), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return tl::unexpected(Error{Errc::kInvalidArgument, "cannot resolve " + listen, error});
  }
  return found.begin()->endpoint();
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), host,
                     endpoint.port());
}

}  // namespace

struct Server::State {
  explicit State(const ServerOptions& server_options)
      : options(server_options),
        budget(server_options.memory_max),
        acceptor(accept_io),
        accept_pause(accept_io),
        drain_timer(accept_io) {}

  void accept();
  void take(tcp::socket socket);
  void refuse(tcp::socket socket);
  void begin_drain();
  void check_drained();
  void finish();

  ServerOptions options;
  Counters counters;
  MemoryBudget budget;
  asio::io_context accept_io{1};
  tcp::acceptor acceptor;
  asio::steady_timer accept_pause;
  asio::steady_timer drain_timer;
  tcp::endpoint endpoint;
  std::unique_ptr<asio::thread_pool> pool;
  std::vector<std::unique_ptr<Reactor>> reactors;
  std::size_t next_reactor = 0;
  std::thread thread;
  std::atomic<bool> is_stopping{false};
  Conversation::Clock::time_point drain_by;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop(Stop::kNow);
  wait();
}

Result<std::unique_ptr<Server>> Server::bind(const ServerOptions& options) {
  auto state = std::make_unique<State>(options);
  auto endpoint = resolve(state->accept_io, options.listen);
  if (!endpoint) return tl::unexpected(std::move(endpoint).error());
  asio::error_code error;
  state->acceptor.open(endpoint->protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(*endpoint, error);
  if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return tl::unexpected(Error{Errc::kIo, "cannot listen on " + options.listen, error});
  }
  state->endpoint = state->acceptor.local_endpoint();
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::string Server::address() const { return text_of(state_->endpoint); }
bool Server::is_loopback() const { return state_->endpoint.address().is_loopback(); }

Result<void> Server::start(Store& store) {
  State& state = *state_;
  state.pool = std::make_unique<asio::thread_pool>(state.options.io_threads);
  const Shared shared{store, state.options, state.counters, state.budget};
  const auto report = [&state, &store](bool is_json, std::string_view section) {
    return stats_report(store, state.options, state.counters, state.budget, is_json, section);
  };
  for (std::uint32_t i = 0; i < std::max(1u, state.options.threads); ++i) {
    state.reactors.push_back(std::make_unique<Reactor>(shared, *state.pool, report));
    state.reactors.back()->start();
  }
  state.accept();
  state.thread = std::thread([&state] { state.accept_io.run(); });
  return {};
}

void Server::State::accept() {
  Reactor& reactor = *reactors[next_reactor++ % reactors.size()];
  acceptor.async_accept(reactor.io(), [this](const asio::error_code& error, tcp::socket socket) {
    if (is_stopping) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    if (error == asio::error::operation_aborted) return;
    // Out of descriptors, most likely: trying at once would only burn the processor.
    if (options.log) options.log(Event::Level::kError, "cannot accept", error.message());
    accept_pause.expires_after(std::chrono::milliseconds(100));
    accept_pause.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled) accept();
    });
  });
}

void Server::State::take(tcp::socket socket) {
  asio::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (counters.connections.fetch_add(1) >= options.connections_max) {
    counters.connections.fetch_sub(1);
    return refuse(std::move(socket));
  }
  counters.connections_total.fetch_add(1, std::memory_order_relaxed);
  // The socket belongs to the reactor that was next when the accept began.
  reactors[(next_reactor - 1) % reactors.size()]->adopt(std::move(socket));
}

void Server::State::refuse(tcp::socket socket) {
  counters.backpressure_connections.fetch_add(1, std::memory_order_relaxed);
  std::string line;
  protocol::append_error(line, "", "TRY_LATER", protocol::Applied::kNo,
                         "retry_ms=1000 reason=connections",
                         "this server has all the connections it takes");
  // It fits the socket's empty buffer.
  asio::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(line), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Server::stop(Stop how) {
  State& state = *state_;
  const bool was_stopping = state.is_stopping.exchange(true);
  if (!state.thread.joinable()) return;
  asio::post(state.accept_io, [&state, how, was_stopping] {
    if (how == Stop::kNow) return state.finish();
    if (!was_stopping) state.begin_drain();
  });
}

void Server::State::begin_drain() {
  asio::error_code ignored;
  acceptor.close(ignored);
  accept_pause.cancel();
  drain_by = Conversation::Clock::now() + options.drain_timeout;
  for (auto& reactor : reactors) reactor->drain_all();
  check_drained();
}

void Server::State::check_drained() {
  if (counters.connections == 0 || Conversation::Clock::now() > drain_by) return finish();
  drain_timer.expires_after(std::chrono::milliseconds(10));
  drain_timer.async_wait([this](const asio::error_code& error) {
    if (!error) check_drained();
  });
}

void Server::State::finish() {
  asio::error_code ignored;
  acceptor.close(ignored);
  accept_io.stop();
}

void Server::wait() {
  State& state = *state_;
  if (state.thread.joinable()) state.thread.join();
  // Work for the pool may refer to connections, and its results to reactors: pool first, then
  // loops.
  if (state.pool) state.pool->join();
  for (auto& reactor : state.reactors) reactor->stop();
}

}  // namespace kv::server
