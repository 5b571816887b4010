#pragma once

#include <optional>
#include <string>

#include "client/socket.h"
#include "kv/client.h"
#include "kv/result.h"
#include "protocol/reply.h"

namespace kv::client {

// Reads replies one after the other. One thread.
class ReplyReader {
 public:
  struct Line {
    std::string text;  // what `reply` points into
    protocol::ReplyLine reply;
  };
  // The next line of a reply, without the payload behind it. kProtocol: that was none.
  Result<Line> line(Socket& socket, Socket::Clock::time_point deadline);
  // The payload of the last line: `size` bytes, into `out` (replaced).
  Result<void> payload(Socket& socket, std::size_t size, std::string& out,
                       Socket::Clock::time_point deadline);
  // The LF behind a payload.
  Result<void> end_of_payload(Socket& socket, Socket::Clock::time_point deadline);
  // Takes what is there without waiting for more than one read.
  Result<void> fill(Socket& socket, Socket::Clock::time_point deadline);
  // A whole reply line with its payload has been received.
  bool has_whole_reply() const;

 private:
  std::string buffer_;
  std::size_t at_ = 0;
};

// The Error that an ERR line stands for.
Error error_of(const protocol::ReplyLine& reply);

}  // namespace kv::client
