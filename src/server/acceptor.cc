#include "server/acceptor.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

namespace kv::server {

namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kPause{100};

// Asio's category for the system's errors is not the standard's, which callers compare with.
std::error_code standard(const asio::error_code& error) {
  if (error.category() != asio::error::get_system_category()) return error;
  return {error.value(), std::system_category()};
}

Error not_an_address(const std::string& listen) {
  return {Errc::kInvalidArgument, fmt::format("\"{}\" is not HOST:PORT", listen), {}};
}

Result<tcp::endpoint> resolve(asio::io_context& io, const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return tl::unexpected(not_an_address(listen));
  std::string host = listen.substr(0, colon);
  const std::string port = listen.substr(colon + 1);
  const bool is_port = !port.empty() && port.size() <= 5 &&
                       port.find_first_not_of("0123456789") == std::string::npos &&
                       std::stoul(port) <= 65535;
  if (!is_port) return tl::unexpected(not_an_address(listen));
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!is_bracketed && host.find(':') != std::string::npos) {
    return tl::unexpected(not_an_address(listen));
  }
  asio::error_code error;
  const auto found = tcp::resolver(io).resolve(host, port, tcp::resolver::passive, error);
  if (error || found.empty()) {
    return tl::unexpected(
        Error{Errc::kIo, fmt::format("cannot find the host of {}", listen), standard(error)});
  }
  return found.begin()->endpoint();
}

}  // namespace

Result<void> Acceptor::bind(const std::string& listen) {
  const auto endpoint = resolve(io_, listen);
  if (!endpoint) return tl::unexpected(endpoint.error());
  asio::error_code error;
  acceptor_.open(endpoint->protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(*endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) endpoint_ = acceptor_.local_endpoint(error);
  if (error) {
    return tl::unexpected(
        Error{Errc::kIo, fmt::format("cannot listen on {}", listen), standard(error)});
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
