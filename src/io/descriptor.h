#pragma once

#include <unistd.h>

namespace kv::io {

// A file descriptor that is closed with its owner. Below zero: none, the call that should have made
// it failed.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    // Whatever mattered was synced before; there is nobody left to tell.
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace kv::io
