#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/header.h"
#include "protocol/limits.h"
#include "protocol/parser.h"
#include "protocol/receive_buffer.h"
#include "protocol/request.h"

namespace kv::protocol {

// What a RequestParser is made of: parser.cc holds the header and the requests of known size,
// batch_parser.cc the items of a BPUT.
//
// The bytes of the request under way stay in `in` from its first one on, until it is delivered and
// forgotten. A refused request keeps none: what comes of it is consumed at once.
struct RequestParser::State {
  enum class Mode {
    kHeader,     // at the beginning of a request, or in its header
    kPayload,    // a request of known size is arriving
    kBatch,      // BPUT: at an item's header
    kBatchItem,  // BPUT: an item's payload is arriving
    kDead,
  };
  // What a step of the parser came to.
  enum class Step { kGoOn, kNeedBytes, kRequest, kRefused, kFatal };
  // One item of a BPUT: where its key begins behind the request's beginning.
  struct Item {
    std::size_t at;
    std::size_t key_size;
    std::size_t value_size;
  };

  State(const Limits& wire_limits, std::string_view hint) : limits(wire_limits), admin_hint(hint) {}

  Event next();
  Step parse_line();
  Step begin(std::string_view line, std::size_t line_size);
  Step begin_payload(const HeaderLine& header);
  void check_sizes(const HeaderLine& header);
  Step take_payload();

  Step begin_batch(std::uint64_t count);
  Step take_item_header();
  Step begin_item(std::string_view line, std::size_t line_size);
  Step take_item();
  Step finish_batch();

  void deliver(std::size_t size);
  void forget_delivered();
  void reset_request();

  // A refusal that keeps the connection; the first one of a request counts.
  void refuse(std::string_view code, std::string_view fields, std::string_view text);
  // From here on `size` bytes of payload are dropped as they come.
  void start_dropping(std::uint64_t size);
  bool drop();  // true: all of them are gone
  Step fatal(std::string_view code, std::string_view fields, std::string_view text);
  Step fatal_raw(std::string_view whole_reply, Farewell how);

  std::size_t wanted() const;
  std::size_t memory_used() const;

  const Limits limits;
  const std::string_view admin_hint;
  ReceiveBuffer in;
  Mode mode = Mode::kHeader;
  Farewell goodbye = Farewell::kClose;
  bool has_spoken = false;  // a good header came: no more guessing at other protocols

  // The request under way.
  Request request;
  std::string tag;
  std::string refused;  // the reply to it, once it is refused
  bool is_refused = false;
  std::size_t done = 0;       // its bytes in `in` that were used
  std::size_t scanned = 0;    // of the line under way, known to hold no LF
  std::uint64_t payload = 0;  // kPayload: its size
  std::uint64_t to_drop = 0;  // refused: payload still to come
  std::size_t key_size = 0;

  // BPUT.
  std::vector<Item> items;
  std::uint64_t item_count = 0;
  std::uint64_t items_seen = 0;
  std::uint64_t item_key = 0;  // the item under way
  std::uint64_t item_value = 0;
  std::uint64_t batch_bytes = 0;  // announced so far

  bool is_delivered = false;  // the request was handed out, and its views still hold
  std::size_t delivered = 0;  // bytes of the buffer that it takes
};

// Of the blank lines in front; a carriage return at the end may be half of one more.
std::size_t blank_size(std::string_view bytes);
std::string_view without_cr(std::string_view line);

}  // namespace kv::protocol
