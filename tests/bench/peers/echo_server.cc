// The least that a server can do: takes RESP requests in one epoll loop and answers each with the
// same bulk string, knowing no keys and no commands. What it reaches with a generator is the
// ceiling for any single-threaded server behind the same sockets.
//   echo_server REPLY-BYTES      prints its port, and serves until it is killed
#include <charconv>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>

#include <fmt/format.h>

#include "fail.h"

namespace {

using kv::bench::fail;

// The number in a line such as "*3\r\n", and how long the line is; 0: not whole yet.
struct Head {
  std::size_t number = 0;
  std::size_t size = 0;
};
Head parse_head(std::string_view input, char type) {
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return {};
  Head head{0, end + 2};
  if (input.front() != type) fail("a request is no array of bulk strings");
  std::from_chars(input.data() + 1, input.data() + end, head.number);
  return head;
}

// Bytes of the first request in `input`; 0: it is not whole yet.
std::size_t request_size(std::string_view input) {
  const Head array = parse_head(input, '*');
  if (array.size == 0) return 0;
  std::size_t at = array.size;
  for (std::size_t i = 0; i < array.number; ++i) {
    if (at >= input.size()) return 0;
    const Head bulk = parse_head(input.substr(at), '$');
    if (bulk.size == 0) return 0;
    at += bulk.size + bulk.number + 2;
  }
  return at <= input.size() ? at : 0;
}

class EchoServer {
 public:
  explicit EchoServer(std::size_t reply_size)
      : reply_(fmt::format("${}\r\n{}\r\n", reply_size, std::string(reply_size, 'v'))),
        epoll_(::epoll_create1(0)),
        listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, SOMAXCONN) != 0)
      fail("cannot listen");
    watch(listener_);
  }

  unsigned port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  [[noreturn]] void serve() {
    constexpr int kEventsMax = 128;
    epoll_event events[kEventsMax];
    for (;;) {
      const int count = ::epoll_wait(epoll_, events, kEventsMax, -1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          accept();
        } else {
          answer(events[i].data.fd);
        }
      }
    }
  }

 private:
  void watch(int descriptor) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }

  void accept() {
    const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(peer);
  }

  // What came, and all replies to it in one write. A generator reads what it asked for, so a write
  // that has to wait is not worth a queue here.
  void answer(int peer) {
    char chunk[16 * 1024];
    const ssize_t size = ::read(peer, chunk, sizeof chunk);
    if (size <= 0) {
      ::close(peer);
      pending_.erase(peer);
      return;
    }
    std::string& input = pending_[peer];
    input.append(chunk, static_cast<std::size_t>(size));
    std::size_t at = 0;
    replies_.clear();
    while (at < input.size()) {
      const std::size_t request = request_size(std::string_view(input).substr(at));
      if (request == 0) break;
      at += request;
      replies_ += reply_;
    }
    input.erase(0, at);
    for (std::size_t sent = 0; sent < replies_.size();) {
      const ssize_t done =
          ::send(peer, replies_.data() + sent, replies_.size() - sent, MSG_NOSIGNAL);
      if (done <= 0) return;  // the peer is gone, which the next read tells
      sent += static_cast<std::size_t>(done);
    }
  }

  std::string reply_;
  int epoll_;
  int listener_;
  std::unordered_map<int, std::string> pending_;  // by descriptor: a request that is not whole
  std::string replies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) fail("usage: echo_server REPLY-BYTES");
  EchoServer server(std::strtoul(argv[1], nullptr, 10));
  fmt::print("{}\n", server.port());
  std::fflush(stdout);
  server.serve();
}
