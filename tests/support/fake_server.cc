#include "fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "base/check.h"

namespace kv::test {

namespace {

constexpr timeval kSafetyNet = {10, 0};  // a broken client must not hang the test

// Listens on a free port; returns the descriptor and the address.
std::pair<int, std::string> listen_anywhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const address = reinterpret_cast<sockaddr*>(&any);
  socklen_t size = sizeof any;
  KV_CHECK(fd >= 0 && ::bind(fd, address, size) == 0 && ::listen(fd, 8) == 0);
  KV_CHECK(::getsockname(fd, address, &size) == 0);
  return {fd, "127.0.0.1:" + std::to_string(ntohs(any.sin_port))};
}

}  // namespace

Talk::~Talk() { close(); }

std::string Talk::read(std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::recv(fd_, out.data() + have, size - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

std::string Talk::read_line() {
  std::string out;
  while (out.empty() || out.back() != '\n') {
    const std::string byte = read(1);
    if (byte.empty()) break;
    out += byte;
  }
  return out;
}

std::string Talk::read_to_end() {
  std::string out;
  char part[4096];
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(fd_, part, sizeof part, 0);
    if (got > 0) out.append(part, static_cast<std::size_t>(got));
  }
  return out;
}

void Talk::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Talk::say_bytewise(std::string_view bytes) {
  for (const char& byte : bytes) say({&byte, 1});
}

void Talk::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Talk::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

FakeServer::FakeServer(std::vector<Script> scripts) {
  std::tie(listener_, address_) = listen_anywhere();
  thread_ = std::thread([this, scripts = std::move(scripts)] {
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &kSafetyNet, sizeof kSafetyNet);
    for (const Script& script : scripts) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kSafetyNet, sizeof kSafetyNet);
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kSafetyNet, sizeof kSafetyNet);
      Talk talk(fd);
      script(talk);
    }
  });
}

FakeServer::~FakeServer() {
  join();
  ::close(listener_);
}

void FakeServer::join() {
  if (thread_.joinable()) thread_.join();
}

std::string deserted_address() {
  const auto [fd, address] = listen_anywhere();
  ::close(fd);
  return address;
}

}  // namespace kv::test
