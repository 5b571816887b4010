#include "client/socket.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace kv::client {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument, fmt::format("\"{}\" is not HOST:PORT", address), {}});
  }
  std::string host = address.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed =
          ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &wanted, &found)) {
    return tl::unexpected(
        Error{Errc::kUnavailable,
              fmt::format("cannot resolve {}: {}", address, ::gai_strerror(failed)),
              {}});
  }
  return Addresses(found);
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Error Socket::broken(std::string_view what, int number) const {
  return {
      Errc::kUnavailable, fmt::format("{} {}", what, address_), {number, std::generic_category()}};
}

Result<Socket> Socket::connect(const std::string& address, std::chrono::milliseconds timeout) {
  auto addresses = resolve(address);
  if (!addresses) return tl::unexpected(std::move(addresses).error());
  const auto deadline = Clock::now() + timeout;
  Error last{Errc::kUnavailable, "cannot connect to " + address, {}};
  for (const addrinfo* at = addresses->get(); at != nullptr; at = at->ai_next) {
    Socket socket(
        ::socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol),
        address);
    if (socket.fd_ < 0) {
      last = socket.broken("cannot connect to", errno);
      continue;
    }
    const int one = 1;
    ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(socket.fd_, at->ai_addr, at->ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS) {
      last = socket.broken("cannot connect to", errno);
      continue;
    }
    if (auto ready = socket.wait_for(POLLOUT, deadline); !ready) {
      last = std::move(ready).error();
      continue;
    }
    int failed = 0;
    socklen_t size = sizeof failed;
    ::getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed == 0) return socket;
    last = socket.broken("cannot connect to", failed);
  }
  return tl::unexpected(std::move(last));
}

Result<short> Socket::wait_for(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd one{fd_, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return one.revents;
    if (ready < 0 && errno != EINTR) return tl::unexpected(broken("poll", errno));
    if (ready == 0) {
      return tl::unexpected(
          Error{Errc::kTimeout, fmt::format("no answer from {} in time", address_), {}});
    }
  }
}

Result<std::size_t> Socket::read_some(char* out, std::size_t size, Clock::time_point deadline) {
  for (;;) {
    const ssize_t got = ::recv(fd_, out, size, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) {
      return tl::unexpected(Error{Errc::kUnavailable, address_ + " closed the connection", {}});
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return tl::unexpected(broken("lost the connection to", errno));
    }
    if (auto ready = wait_for(POLLIN, deadline); !ready)
      return tl::unexpected(std::move(ready).error());
  }
}

Result<std::size_t> Socket::write_some(std::string_view bytes, Clock::time_point deadline,
                                       bool stop_at_input) {
  for (;;) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) return static_cast<std::size_t>(put);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return tl::unexpected(broken("lost the connection to", errno));
    }
    auto ready = wait_for(static_cast<short>(stop_at_input ? POLLOUT | POLLIN : POLLOUT), deadline);
    if (!ready) return tl::unexpected(std::move(ready).error());
    if (stop_at_input && (*ready & POLLOUT) == 0) return 0;
  }
}

}  // namespace kv::client
