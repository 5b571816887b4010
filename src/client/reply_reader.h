#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/socket.h"
#include "kv/result.h"
#include "protocol/reply.h"

namespace kv::client {

// Reads the replies of one connection, one after the other. What it keeps is one buffer of fixed
// size: a payload goes to the caller as it comes, and a length a server names takes no memory until
// the bytes are there. `timeout` is the longest silence, so that a large payload on a slow line
// is not cut off. One thread.
class ReplyReader {
 public:
  explicit ReplyReader(std::chrono::milliseconds timeout)
      : timeout_(timeout), buffer_(kBufferSize) {}

  // Forgets what a former connection left.
  void reset() { begin_ = end_ = 0; }
  // Some of a reply is here already, so that the rest of it will come without our doing.
  bool has_input() const { return begin_ < end_; }

  // The next line of a reply, without the payload behind it; valid until the next call. kProtocol:
  // that was none.
  Result<protocol::ReplyLine> line(Socket& socket);
  // The next `size` bytes, into `out` (replaced).
  Result<void> payload(Socket& socket, std::uint64_t size, std::string& out);
  // The LF behind a payload.
  Result<void> end_of_payload(Socket& socket);

 private:
  static constexpr std::size_t kBufferSize = 64 * 1024;
  Result<void> fill(Socket& socket);
  Socket::Clock::time_point deadline() const { return Socket::Clock::now() + timeout_; }

  std::chrono::milliseconds timeout_;
  // Bytes that came and were not taken yet: [begin_, end_) of the buffer.
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// The Error that an ERR line stands for.
Error error_of(const protocol::ReplyLine& reply);
// Behind an ERR with this code the server closes the connection and looks at nothing more of what
// was sent on it.
bool is_last_reply(const protocol::ReplyLine& reply);

}  // namespace kv::client
