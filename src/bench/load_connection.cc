#include "bench/load_connection.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/check.h"
#include "client/socket.h"

namespace kv::bench {

namespace {

constexpr std::size_t kInputMin = 64 * 1024;

}  // namespace

Result<LoadConnection> LoadConnection::open(const std::string& address,
                                            std::chrono::milliseconds timeout) {
  auto socket = client::Socket::connect(address, timeout);
  if (!socket) return tl::unexpected(std::move(socket).error());
  return LoadConnection(socket->release(), address);
}

LoadConnection::LoadConnection(int fd, std::string address)
    : fd_(fd), address_(std::move(address)), input_(kInputMin) {}

LoadConnection::LoadConnection(LoadConnection&& other) noexcept
    : heard_at(other.heard_at),
      fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      output_(std::move(other.output_)),
      sent_(other.sent_),
      input_(std::move(other.input_)),
      begin_(other.begin_),
      end_(other.end_),
      pending_(std::move(other.pending_)),
      first_(other.first_),
      count_(other.count_) {}

LoadConnection::~LoadConnection() {
  if (fd_ >= 0) ::close(fd_);
}

void LoadConnection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  output_.clear();
  sent_ = begin_ = end_ = first_ = count_ = 0;
}

Result<void> LoadConnection::reopen(const std::string& address, std::chrono::milliseconds timeout) {
  close();
  auto socket = client::Socket::connect(address, timeout);
  if (!socket) return tl::unexpected(std::move(socket).error());
  fd_ = socket->release();
  address_ = address;
  return {};
}

Error LoadConnection::broken(int number) const {
  return {
      Errc::kUnavailable, "lost the connection to " + address_, {number, std::generic_category()}};
}

Result<void> LoadConnection::send() {
  while (sent_ < output_.size()) {
    const ssize_t sent =
        ::send(fd_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (sent < 0) return tl::unexpected(broken(errno));
    sent_ += static_cast<std::size_t>(sent);
  }
  output_.clear();
  sent_ = 0;
  return {};
}

Result<void> LoadConnection::receive() {
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == input_.size()) input_.resize(2 * input_.size());
  for (;;) {
    const ssize_t got = ::recv(fd_, input_.data() + end_, input_.size() - end_, MSG_DONTWAIT);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return {};
    }
    if (got == 0) {
      return tl::unexpected(Error{Errc::kUnavailable, address_ + " closed the connection", {}});
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    return tl::unexpected(broken(errno));
  }
}

void LoadConnection::set_depth(std::size_t requests) {
  KV_CHECK(count_ == 0);
  pending_.resize(requests);
  first_ = 0;
}

void LoadConnection::push(const Pending& request) {
  KV_CHECK(!is_full());
  std::size_t at = first_ + count_;
  if (at >= pending_.size()) at -= pending_.size();
  pending_[at] = request;
  count_ += 1;
}

void LoadConnection::pop() {
  KV_CHECK(count_ > 0);
  count_ -= 1;
  first_ = first_ + 1 == pending_.size() ? 0 : first_ + 1;
}

}  // namespace kv::bench
