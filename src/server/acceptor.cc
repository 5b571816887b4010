#include "server/acceptor.h"

#include <chrono>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

#include "server/listen_address.h"

namespace kv::server {

namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kPause{100};

// Asio's category for the system's errors is not the standard's, which callers compare with.
std::error_code standard(const asio::error_code& error) {
  if (error.category() != asio::error::get_system_category()) return error;
  return {error.value(), std::system_category()};
}

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& listen) {
  const auto address = parse_listen_address(listen);
  if (!address) return tl::unexpected(address.error());
  asio::error_code error;
  const auto found =
      tcp::resolver(io).resolve(address->host, address->port, tcp::resolver::passive, error);
  if (error || found.empty()) {
    return tl::unexpected(
        Error{Errc::kIo, fmt::format("cannot find the host of {}", listen), standard(error)});
  }
  return found.begin()->endpoint();
}

}  // namespace

Result<void> Acceptor::find(const std::string& listen, Reach reach) {
  const auto endpoint = resolve(io_, listen);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (reach == Reach::kThisMachine && !endpoint->address().is_loopback()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("{} can be reached from other machines and there are no users yet; "
                          "listen on 127.0.0.1 or add --insecure",
                          listen),
              {}});
  }
  listen_ = listen;
  endpoint_ = *endpoint;
  return {};
}

Result<void> Acceptor::bind() {
  asio::error_code error;
  acceptor_.open(endpoint_.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint_, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) endpoint_ = acceptor_.local_endpoint(error);
  if (error) {
    return tl::unexpected(
        Error{Errc::kIo, fmt::format("cannot listen on {}", listen_), standard(error)});
  }
  return {};
}

void Acceptor::run() {
  accept();
  io_.run();
}

void Acceptor::stop() {
  asio::post(io_, [this] {
    asio::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
}

void Acceptor::accept() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept(next_io(), [this](const asio::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error == asio::error::connection_aborted) return accept();
    if (error) return pause(error);
    take(std::move(socket));
    accept();
  });
}

// Trying again at once would only burn the processor: the connection that could not be accepted is
// still there.
void Acceptor::pause(const asio::error_code& error) {
  log_.tell(Event::Level::kError, "cannot accept", fmt::format("cause=\"{}\"", error.message()),
            std::chrono::steady_clock::now());
  paused();
  pause_.expires_after(kPause);
  pause_.async_wait([this](const asio::error_code& cancelled) {
    if (!cancelled) accept();
  });
}

}  // namespace kv::server
