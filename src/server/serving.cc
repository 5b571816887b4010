#include "server/serving.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/reply.h"
#include "protocol/resp_reply.h"
#include "server/error_reply.h"

namespace kv::server {

namespace {

using asio::ip::tcp;

std::uint32_t reactor_count(const ServerOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Serving::Serving(Store& store, const ServerOptions& server_options, std::vector<Listener> listeners,
                 ClusterMember* cluster)
    : options_(server_options),
      listeners_(std::move(listeners)),
      cluster_(cluster),
      backend_(store),
      merges_(backend_),
      request_memory_(options_.memory_max),
      output_memory_(options_.memory_max),
      io_pool_(std::max(1U, options_.io_threads)),
      long_pool_(1) {
  std::vector<const Counters*> all;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    accept_counters_.push_back(std::make_unique<Counters>());
    all.push_back(accept_counters_.back().get());
  }
  for (std::uint32_t i = 0; i < reactor_count(options_); ++i) {
    counters_.push_back(std::make_unique<Counters>());
    all.push_back(counters_.back().get());
  }
  stats_ = std::make_unique<StatsPage>(options_, backend_, merges_, counters_.size(), all,
                                       request_memory_, output_memory_, cluster_);
  const ReactorContext shared{options_,   backend_,        *stats_,          cursors_,
                              merges_,    request_memory_, output_memory_,   io_pool_,
                              long_pool_, cluster_,        connection_count_};
  for (auto& own : counters_) reactors_.push_back(std::make_unique<Reactor>(shared, *own));
  for (auto& reactor : reactors_) reactor->start();
  session_keeper_ = std::make_unique<SessionKeeper>(backend_, cluster_, options_.session_ttl);
  for (std::size_t i = 0; i < listeners_.size(); ++i) listen(listeners_[i], *accept_counters_[i]);
}

void Serving::listen(const Listener& listener, Counters& counters) {
  Acceptor& acceptor = listener.acceptor;
  // One acceptor has one accept under way, so the number still holds when its socket comes.
  const auto number = std::make_shared<std::size_t>(0);
  acceptor.next_io = [this, number]() -> asio::io_context& {
    *number = next_reactor_.fetch_add(1, std::memory_order_relaxed) % reactors_.size();
    return reactors_[*number]->io();
  };
  acceptor.take = [this, number, &counters, dialect = listener.dialect](tcp::socket socket) {
    take(std::move(socket), *number, dialect, counters);
  };
  acceptor.paused = [&counters] { counters.accept_pauses.add(); };
  accepting_.emplace_back([&acceptor] { acceptor.run(); });
}

Serving::~Serving() { wait(); }

void Serving::stop(Reactor::Stop how) {
  // A merge may take minutes. What it has finished stays, and who waits for it is told.
  merges_.stop();
  // Once: a server that has stopped may outlive its store.
  if (!is_upkeep_stopped_.exchange(true)) backend_.stop_upkeep();
  session_keeper_->stop();
  for (auto& reactor : reactors_) reactor->stop(how);
}

void Serving::wait() {
  const std::lock_guard lock(wait_mutex_);
  session_keeper_->wait();
  // In this order: sockets come from the acceptor, slow reads from the reactors.
  for (std::thread& accepting : accepting_) {
    if (accepting.joinable()) accepting.join();
  }
  for (auto& reactor : reactors_) reactor->join();
  io_pool_.join();
  long_pool_.join();
}

void Serving::take(tcp::socket socket, std::size_t reactor, Dialect dialect, Counters& counters) {
  const std::uint32_t before = connection_count_.fetch_add(1, std::memory_order_relaxed);
  if (before < options_.connections_max) {
    return reactors_[reactor]->adopt(std::move(socket), dialect);
  }
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  counters.connections_refused.add();
  refuse(std::move(socket), dialect);
}

void Serving::refuse(tcp::socket socket, Dialect dialect) {
  std::string line;
  constexpr std::string_view kText = "this server has as many connections as it takes";
  if (dialect == Dialect::kResp) {
    protocol::append_resp_error(line, "ERR", kText);
  } else {
    protocol::append_error(line, {}, "TRY_LATER", protocol::Applied::kNo, kRetryConnections, kText);
  }
  asio::error_code ignored;  // the client sees a closed connection in any case
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(line), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  // What the client has sent already would turn the close into a reset that overtakes the line.
  char dropped[16 * 1024];
  socket.read_some(asio::buffer(dropped), ignored);
}

}  // namespace kv::server
