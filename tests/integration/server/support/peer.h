#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kv::test {

// A client's blocking socket, with nothing of the protocol in it. Any failure throws. Closes at its
// end.
class Peer {
 public:
  // `receive_buffer`: its size in the kernel, 0 for the usual.
  explicit Peer(const std::string& address, int receive_buffer = 0);
  Peer();  // a socket that is not connected yet
  void connect(const std::string& address);
  ~Peer();
  Peer(Peer&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Peer& operator=(Peer&&) = delete;

  void send(std::string_view bytes);
  bool try_send(std::string_view bytes);  // false: the server has closed
  void half_close();
  void reset();  // closes with RST, as a client that was killed does

  std::string read(std::size_t size);  // exactly
  std::string read_line();             // with its LF
  std::string read_to_end();           // until the server closes or resets
  // True: the server closed or reset the connection and left nothing to read.
  bool is_closed_by_server();

 private:
  int fd_ = -1;
};

}  // namespace kv::test
