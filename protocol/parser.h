#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/request.h"

namespace kv::protocol {

// Turns the bytes of one connection into requests and refusals. No I/O; the same bytes give the
// same events however they are split. Memory: what was received of the request under way, never
// what a length field promises; a refused payload is counted and dropped. One thread at a time.
//
// Usage: read from the socket into buffer(), commit(n), then next() until kNeedBytes.
class RequestParser {
 public:
  enum class Event {
    kNeedBytes,  // everything received so far was used up or is part of an unfinished request
    kRequest,    // request() holds it
    kRefused,    // refusal() is the reply; the connection goes on (its payload is dropped silently)
    kFatal,      // refusal() is the reply (empty: close without one); then close, parse no more
  };
  // What to do with a connection after kFatal besides closing it.
  enum class Farewell { kClose, kDrainBriefly };

  // `admin_hint` is what a browser gets to read, where to go instead; it outlives the parser.
  explicit RequestParser(const Limits& limits, std::string_view admin_hint = {});
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Where the next bytes go, at least 1 long and grown only with what came before. Invalidates the
  // views of the last request.
  std::span<char> buffer();
  void commit(std::size_t size);

  // Invalidates the views of the last request.
  Event next();
  const Request& request() const;
  std::string_view refusal() const;  // a whole reply, its line ends included
  Farewell farewell() const;

  // The payload that is arriving, in bytes; of a BPUT, what its items announced so far. 0: none is,
  // or it is being dropped. Asked by a server that has a memory budget.
  std::uint64_t payload_pending() const;
  std::uint64_t memory_used() const;
  // Refuses the request whose payload is arriving (TRY_LATER and the like): the payload is dropped
  // as it comes, then kRefused with an error of this code, fields and text, applied=no. Does
  // nothing between requests or in a header.
  void refuse_current(std::string_view code, std::string_view fields, std::string_view text);
  // In the middle of a request: header or payload incomplete. False between requests.
  bool is_mid_request() const;
  // While it is: the request's tag, as far as it could be read. Valid until buffer() or next().
  std::string_view pending_tag() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kv::protocol
