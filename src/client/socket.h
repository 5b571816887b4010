#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::client {

// A blocking TCP connection with deadlines. One thread at a time.
class Socket {
 public:
  using Clock = std::chrono::steady_clock;

  // `address` is HOST:PORT, an IPv6 host in brackets. kInvalidArgument, kUnavailable, kTimeout.
  static Result<Socket> connect(const std::string& address, std::chrono::milliseconds timeout);
  Socket(Socket&& other) noexcept : fd_(other.fd_), address_(std::move(other.address_)) {
    other.fd_ = -1;
  }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // Up to `size` bytes, at least one. kTimeout, or kUnavailable when the other side closed or
  // broke.
  Result<std::size_t> read_some(char* out, std::size_t size, Clock::time_point deadline);
  // Sends what fits; 0 when nothing does before something can be read.
  Result<std::size_t> write_some(std::string_view bytes, Clock::time_point deadline,
                                 bool stop_at_input);

 private:
  Socket(int fd, std::string address) : fd_(fd), address_(std::move(address)) {}
  // The poll events that came; 0 never (kTimeout instead).
  Result<short> wait_for(short events, Clock::time_point deadline) const;
  Error broken(std::string_view what, int number) const;

  int fd_ = -1;
  std::string address_;
};

}  // namespace kv::client
