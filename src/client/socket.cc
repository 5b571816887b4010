#include "client/socket.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <fmt/format.h>

#include "client/address.h"

namespace kv::client {

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& text) {
  const auto address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(address->host.c_str(), address->port.c_str(), &wanted, &found);
  if (failed != 0) {
    return tl::unexpected(Error{Errc::kUnavailable,
                                fmt::format("cannot resolve {}: {}", text, ::gai_strerror(failed)),
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
  Clock::rep left = 0;
  for (const addrinfo* at = addresses->get(); at != nullptr; at = at->ai_next) ++left;
  Error last{Errc::kUnavailable, "cannot connect to " + address, {}};
  for (const addrinfo* at = addresses->get(); at != nullptr; at = at->ai_next) {
    // An address that swallows packets leaves time for those behind it.
    const auto now = Clock::now();
    auto socket =
        connect_to(*at, address, now + std::max(deadline - now, Clock::duration{0}) / left);
    if (socket) return socket;
    last = std::move(socket).error();
    left -= 1;
  }
  return tl::unexpected(std::move(last));
}

Result<Socket> Socket::connect_to(const addrinfo& target, const std::string& address,
                                  Clock::time_point deadline) {
  constexpr std::string_view kWhat = "cannot connect to";
  Socket socket(::socket(target.ai_family, target.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         target.ai_protocol),
                address);
  if (socket.fd_ < 0) return tl::unexpected(socket.broken(kWhat, errno));
  const int one = 1;
  ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(socket.fd_, target.ai_addr, target.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return tl::unexpected(socket.broken(kWhat, errno));
  if (auto ready = socket.wait_for(POLLOUT, deadline); !ready) {
    return tl::unexpected(std::move(ready).error());
  }
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return tl::unexpected(socket.broken(kWhat, failed));
  return socket;
}

bool Socket::is_idle() const {
  char byte;
  const ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Result<short> Socket::wait_for(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd one{fd_, events, 0};
    const int ready =
        ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX)));
    if (ready > 0) return one.revents;
    if (ready < 0 && errno != EINTR) return tl::unexpected(broken("cannot wait for", errno));
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
    auto ready = wait_for(POLLIN, deadline);
    if (!ready) return tl::unexpected(std::move(ready).error());
  }
}

Result<std::size_t> Socket::write_some(std::string_view bytes, Clock::time_point deadline,
                                       Input input) {
  const bool stops = input == Input::kStops;
  for (;;) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return tl::unexpected(broken("lost the connection to", errno));
    }
    auto ready = wait_for(static_cast<short>(stops ? POLLOUT | POLLIN : POLLOUT), deadline);
    if (!ready) return tl::unexpected(std::move(ready).error());
    if (stops && (*ready & POLLOUT) == 0) return 0;
  }
}

void Socket::end_sending() { ::shutdown(fd_, SHUT_WR); }

}  // namespace kv::client
