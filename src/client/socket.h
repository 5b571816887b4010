#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "kv/result.h"

struct addrinfo;

namespace kv::client {

// A TCP connection whose calls block, but never beyond their deadline. One thread at a time.
class Socket {
 public:
  using Clock = std::chrono::steady_clock;

  // `address` is HOST:PORT; of the addresses of a name each is tried in turn. kInvalidArgument,
  // kUnavailable, kTimeout.
  static Result<Socket> connect(const std::string& address, std::chrono::milliseconds timeout);
  Socket(Socket&& other) noexcept : fd_(other.fd_), address_(std::move(other.address_)) {
    other.fd_ = -1;
  }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  const std::string& address() const { return address_; }  // as it was connected to
  // The other side is there, as far as can be seen, and has sent nothing that was not asked for.
  bool is_idle() const;
  // Up to `size` bytes, at least one. kTimeout, or kUnavailable when the other side closed or
  // broke.
  Result<std::size_t> read_some(char* out, std::size_t size, Clock::time_point deadline);

  enum class Input {
    kIgnored,
    kStops,  // do not wait for room once there is something to read
  };
  // Sends what fits, at least one byte; 0: something came before there was room (kStops).
  Result<std::size_t> write_some(std::string_view bytes, Clock::time_point deadline, Input input);

  // Hands over the descriptor, which does not block.
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  // Tells the other side that nothing more will be sent.
  void end_sending();

 private:
  Socket(int fd, std::string address) : fd_(fd), address_(std::move(address)) {}
  static Result<Socket> connect_to(const addrinfo& target, const std::string& address,
                                   Clock::time_point deadline);
  // The poll events that came; 0 never (kTimeout instead).
  Result<short> wait_for(short events, Clock::time_point deadline) const;
  Error broken(std::string_view what, int number) const;

  int fd_ = -1;
  std::string address_;
};

}  // namespace kv::client
