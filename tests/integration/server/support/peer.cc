#include "peer.h"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace kv::test {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Peer::Peer() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  const int now = 1;  // each send() is a packet of its own
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
}

Peer::Peer(const std::string& address, int receive_buffer) : Peer() {
  if (receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  connect(address);
}

void Peer::connect(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
}

Peer::~Peer() {
  if (fd_ >= 0) ::close(fd_);
}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

bool Peer::try_send(std::string_view bytes) {
  try {
    send(bytes);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::broken_pipe && error.code() != std::errc::connection_reset) {
      throw;
    }
    return false;
  }
  return true;
}

void Peer::half_close() {
  // The server may have closed before us.
  if (::shutdown(fd_, SHUT_WR) != 0 && errno != ENOTCONN) fail("shutdown");
}

void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd_);
  fd_ = -1;
}

std::string Peer::read(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t at = 0;
  while (at < size) {
    const auto got = ::recv(fd_, bytes.data() + at, size - at, 0);
    if (got < 0) fail("recv");
    if (got == 0) throw std::runtime_error("closed after: " + bytes.substr(0, at));
    at += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string Peer::read_line() {
  std::string line;
  do {
    line += read(1);
  } while (line.back() != '\n');
  return line;
}

std::string Peer::read_to_end() {
  std::string bytes;
  char chunk[64 * 1024];
  for (;;) {
    const auto got = ::recv(fd_, chunk, sizeof chunk, 0);
    // After the last reply a reset is as good as an end.
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return bytes;
    if (got < 0) fail("recv");
    bytes.append(chunk, static_cast<std::size_t>(got));
  }
}

bool Peer::is_closed_by_server() {
  char byte;
  const auto got = ::recv(fd_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

}  // namespace kv::test
