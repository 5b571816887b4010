#include "protocol/parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "protocol/header.h"
#include "protocol/receive_buffer.h"
#include "protocol/reply.h"
#include "protocol/request_options.h"

namespace kv::protocol {

namespace {

// Payloads from here on are handed over with their memory, so that nobody has to copy them.
constexpr std::size_t kOwnedPayloadMin = 64 * 1024;
constexpr std::uint64_t kEchoMax = 64 * 1024;
constexpr char kTlsHandshake = 0x16;
constexpr char kTlsMajorVersion = 0x03;

std::string http_refusal() {
  constexpr std::string_view kPage =
      "This port speaks the kv protocol, not HTTP; kv has no HTTP admin port yet.\n"
      "Try: printf 'HELP\\nQUIT\\n' | nc HOST PORT\n";
  return fmt::format(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      kPage.size(), kPage);
}

constexpr std::string_view kRespRefusal =
    "-ERR this port speaks the kv protocol, not RESP; there is no option for RESP in this version, "
    "use kv or netcat\r\n";

std::string_view without_cr(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

// Of the blank lines in front. A carriage return at the end may be half of one more.
std::size_t blank_size(std::string_view bytes) {
  std::size_t size = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(size);
    const std::size_t blank = rest.starts_with('\n') ? 1 : rest.starts_with("\r\n") ? 2 : 0;
    if (blank == 0) return size;
    size += blank;
  }
}

bool is_http(std::string_view line) {
  constexpr std::string_view kMark = " HTTP/1.";
  return line.size() > kMark.size() &&
         line.substr(line.size() - kMark.size() - 1, kMark.size()) == kMark;
}

}  // namespace

struct RequestParser::State {
  enum class Mode {
    kHeader,     // at the beginning of a request, or in its header
    kPayload,    // a request of known size is arriving
    kBatch,      // BPUT: at an item's header
    kBatchItem,  // BPUT: an item's payload is arriving
    kDead,
  };
  // One item of a BPUT: where its key begins behind the request's beginning.
  struct Item {
    std::size_t at;
    std::size_t key_size;
    std::size_t value_size;
  };

  explicit State(const Limits& wire_limits) : limits(wire_limits) {}

  Event next();
  Event parse_line(bool& goes_on);
  Event begin(std::string_view line, std::size_t header_size);
  Event take_payload();
  Event begin_batch(std::uint64_t count, std::size_t header_size);
  Event take_item_header(bool& goes_on);
  Event take_item(bool& goes_on);
  Event finish_batch();
  void deliver(std::size_t size);
  void check_sizes(const HeaderLine& header);

  // A refusal that keeps the connection; the first one of a request counts.
  void refuse(std::string_view code, std::string_view fields, std::string_view text);
  Event fatal(std::string_view code, std::string_view fields, std::string_view text);
  Event fatal_raw(std::string_view whole_reply);
  void reset_request();
  void forget_delivered();
  bool drop(std::uint64_t& left);

  const Limits limits;
  ReceiveBuffer in;
  Mode mode = Mode::kHeader;
  Farewell goodbye = Farewell::kClose;
  bool has_spoken = false;  // a whole header was understood: no more guessing at other protocols

  // The request under way.
  Request request;
  std::string tag;
  std::string refused;
  bool is_refused = false;
  std::size_t done = 0;       // bytes of it that were used, from its beginning
  std::size_t scanned = 0;    // of the line under way, known to hold no LF
  std::uint64_t payload = 0;  // kPayload: its size
  std::uint64_t left = 0;     // refused: payload still to be dropped
  std::size_t key_size = 0;
  std::vector<Item> items;
  std::uint64_t item_count = 0;
  std::uint64_t items_seen = 0;
  std::uint64_t item_key = 0;
  std::uint64_t item_value = 0;
  std::uint64_t batch_bytes = 0;
  bool is_delivered = false;  // the request was handed out, and its views still hold
  std::size_t delivered = 0;  // bytes of the buffer that it takes
};

void RequestParser::State::reset_request() {
  auto pairs = std::move(request.pairs);
  pairs.clear();
  request = Request{};
  request.pairs = std::move(pairs);
  items.clear();
  tag.clear();
  is_refused = false;
  done = scanned = 0;
  payload = left = 0;
  items_seen = batch_bytes = 0;
  mode = Mode::kHeader;
}

void RequestParser::State::refuse(std::string_view code, std::string_view fields,
                                  std::string_view text) {
  if (std::exchange(is_refused, true)) return;
  refused.clear();
  append_error(refused, tag, code, Applied::kNo, fields, text);
}

RequestParser::Event RequestParser::State::fatal(std::string_view code, std::string_view fields,
                                                 std::string_view text) {
  refused.clear();
  append_error(refused, tag, code, Applied::kNo, fields, text);
  mode = Mode::kDead;
  return Event::kFatal;
}

RequestParser::Event RequestParser::State::fatal_raw(std::string_view whole_reply) {
  refused = whole_reply;
  mode = Mode::kDead;
  return Event::kFatal;
}

void RequestParser::State::forget_delivered() {
  if (!std::exchange(is_delivered, false)) return;
  in.consume(std::exchange(delivered, 0));
  reset_request();
}

RequestParser::Event RequestParser::State::next() {
  forget_delivered();
  for (;;) {
    bool goes_on = false;
    Event event = Event::kNeedBytes;
    switch (mode) {
      case Mode::kHeader:
        event = parse_line(goes_on);
        break;
      case Mode::kPayload:
        event = take_payload();
        break;
      case Mode::kBatch:
        event = take_item_header(goes_on);
        break;
      case Mode::kBatchItem:
        event = take_item(goes_on);
        break;
      case Mode::kDead:
        break;
    }
    if (!goes_on) return event;
  }
}

RequestParser::Event RequestParser::State::parse_line(bool& goes_on) {
  std::string_view bytes = in.bytes();
  if (scanned == 0) in.consume(blank_size(bytes));
  bytes = in.bytes();
  if (bytes.empty() || bytes == "\r") return Event::kNeedBytes;
  if (!has_spoken && bytes.size() >= 2 && bytes[0] == kTlsHandshake &&
      bytes[1] == kTlsMajorVersion) {
    return fatal("WRONG_PROTOCOL", "", "this port speaks plain text, and that was TLS");
  }
  if (!has_spoken && bytes[0] == '*') return fatal_raw(kRespRefusal);

  const std::size_t found = bytes.find('\n', scanned);
  if (std::min(found, bytes.size()) > limits.header_max) {
    return fatal("LINE_TOO_LONG", fmt::format("max={}", limits.header_max),
                 "a header line is longer than that; was a length wrong?");
  }
  if (found == std::string_view::npos) {
    scanned = bytes.size();
    return Event::kNeedBytes;
  }
  const std::string_view line = without_cr(bytes.substr(0, found));
  scanned = 0;
  const Event event = begin(line, found + 1);
  goes_on = event == Event::kNeedBytes && mode != Mode::kDead;
  return event;
}

RequestParser::Event RequestParser::State::begin(std::string_view line, std::size_t header_size) {
  if (!has_spoken && is_http(line)) return fatal_raw(http_refusal());
  HeaderLine header;
  const char* wrong = line.empty() ? "a carriage return alone" : parse_header(line, header);
  tag = header.tag;
  if (wrong != nullptr) return fatal("BAD_HEADER", "", wrong);
  const VerbShape* shape = find_verb(header.verb);
  if (shape == nullptr)
    return fatal("BAD_VERB", "", "unknown verb; HELP lists them, and so does HELLO's feats");
  if (header.length_count < shape->lengths_min || header.length_count > shape->lengths_max) {
    return fatal("BAD_HEADER", "",
                 fmt::format("{} takes {} length{}", shape->name, shape->lengths_max,
                             shape->lengths_max == 1 ? "" : "s"));
  }
  has_spoken = true;
  request.verb = shape->verb;
  if (const auto bad = take_options(header, limits, request)) {
    refuse("BAD_ARG", fmt::format("arg={}", bad->name), bad->text);
  }
  done = header_size;
  if (request.verb == Verb::kBput) return begin_batch(header.lengths[0], header_size);

  payload = header.lengths[0] + header.lengths[1];
  key_size = header.lengths[0];
  request.has_echo = request.verb == Verb::kPing && header.length_count == 1;
  if (payload > limits.discard_max) {
    goodbye = Farewell::kDrainBriefly;
    return fatal(
        "VALUE_TOO_LARGE", fmt::format("max={}", limits.value_max),
        fmt::format("more than {} bytes are not even read; split the value", limits.discard_max));
  }
  check_sizes(header);
  mode = Mode::kPayload;
  if (is_refused) {
    in.consume(done);
    done = 0;
    left = payload;
  }
  return Event::kNeedBytes;
}

void RequestParser::State::check_sizes(const HeaderLine& header) {
  const bool needs_key =
      request.verb == Verb::kPut || request.verb == Verb::kGet || request.verb == Verb::kDel;
  if (needs_key && header.lengths[0] == 0) refuse("EMPTY_KEY", "", "a key has at least 1 byte");
  const bool is_long_end = request.verb == Verb::kRange && header.lengths[1] > limits.key_max;
  if ((request.verb != Verb::kPing && header.lengths[0] > limits.key_max) || is_long_end) {
    refuse("KEY_TOO_LARGE", fmt::format("max={}", limits.key_max), "shorten the key");
  }
  if (request.verb == Verb::kPut && header.lengths[1] > limits.value_max) {
    refuse("VALUE_TOO_LARGE", fmt::format("max={}", limits.value_max), "split the value");
  }
  if (request.verb == Verb::kPing && header.lengths[0] > kEchoMax) {
    refuse("VALUE_TOO_LARGE", fmt::format("max={}", kEchoMax), "an echo is shorter");
  }
}

// Drops what is there of a refused payload. True: all of it is gone.
bool RequestParser::State::drop(std::uint64_t& to_drop) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(to_drop, in.bytes().size()));
  in.consume(size);
  to_drop -= size;
  return to_drop == 0;
}

RequestParser::Event RequestParser::State::take_payload() {
  if (is_refused) {
    if (!drop(left)) return Event::kNeedBytes;
    reset_request();
    return Event::kRefused;
  }
  const std::size_t size = done + static_cast<std::size_t>(payload);
  if (in.bytes().size() < size) return Event::kNeedBytes;
  deliver(size);
  const std::string_view body = in.bytes().substr(done, static_cast<std::size_t>(payload));
  request.key = body.substr(0, key_size);
  request.value = body.substr(key_size);
  if (payload >= kOwnedPayloadMin) {
    request.payload_owner = in.release(size);
    delivered = 0;
  }
  return Event::kRequest;
}

void RequestParser::State::deliver(std::size_t size) {
  is_delivered = true;
  delivered = size;
  request.tag = tag;
}

RequestParser::Event RequestParser::State::begin_batch(std::uint64_t count,
                                                       std::size_t header_size) {
  if (count > limits.batch_max) {
    return fatal("BATCH_TOO_LARGE", fmt::format("max={}", limits.batch_max),
                 "send several batches");
  }
  if (count == 0) refuse("BAD_ARG", "arg=count", "a batch has at least 1 item");
  item_count = count;
  done = header_size;
  mode = Mode::kBatch;
  return Event::kNeedBytes;
}

RequestParser::Event RequestParser::State::take_item_header(bool& goes_on) {
  if (is_refused && done > 0) {
    in.consume(done);
    done = 0;
    items.clear();
  }
  if (items_seen == item_count) return finish_batch();
  std::string_view bytes = in.bytes().substr(done);
  if (scanned == 0) done += blank_size(bytes);
  bytes = in.bytes().substr(done);
  if (bytes == "\r") return Event::kNeedBytes;
  const std::size_t found = bytes.find('\n', scanned);
  const bool is_too_long = std::min(found, bytes.size()) > limits.subheader_max;
  if (found == std::string_view::npos && !is_too_long) {
    scanned = bytes.size();
    return Event::kNeedBytes;
  }
  scanned = 0;
  const std::string item = fmt::format("item={}", items_seen + 1);
  if (is_too_long || !parse_subheader(without_cr(bytes.substr(0, found)), item_key, item_value)) {
    return fatal("BAD_HEADER", item, "an item begins with the lengths of its key and its value");
  }
  done += found + 1;
  batch_bytes += item_key + item_value;
  if (batch_bytes > limits.batch_bytes_max) {
    goodbye = Farewell::kDrainBriefly;
    return fatal("BATCH_TOO_LARGE", fmt::format("max_bytes={} {}", limits.batch_bytes_max, item),
                 "send several batches");
  }
  if (item_key == 0) refuse("EMPTY_KEY", item, "a key has at least 1 byte");
  if (item_key > limits.key_max) {
    refuse("KEY_TOO_LARGE", fmt::format("max={} {}", limits.key_max, item), "shorten the key");
  }
  if (item_value > limits.value_max) {
    refuse("VALUE_TOO_LARGE", fmt::format("max={} {}", limits.value_max, item), "split the value");
  }
  if (is_refused) {
    in.consume(done);
    done = 0;
    left = item_key + item_value;
  }
  mode = Mode::kBatchItem;
  goes_on = true;
  return Event::kNeedBytes;
}

RequestParser::Event RequestParser::State::take_item(bool& goes_on) {
  if (is_refused) {
    if (!drop(left)) return Event::kNeedBytes;
  } else {
    const auto size = static_cast<std::size_t>(item_key + item_value);
    if (in.bytes().size() < done + size) return Event::kNeedBytes;
    items.push_back(
        {done, static_cast<std::size_t>(item_key), static_cast<std::size_t>(item_value)});
    done += size;
  }
  items_seen += 1;
  mode = Mode::kBatch;
  goes_on = true;
  return Event::kNeedBytes;
}

RequestParser::Event RequestParser::State::finish_batch() {
  if (is_refused) {
    reset_request();
    return Event::kRefused;
  }
  deliver(done);
  const std::string_view bytes = in.bytes();
  for (const Item& item : items) {
    request.pairs.emplace_back(bytes.substr(item.at, item.key_size),
                               bytes.substr(item.at + item.key_size, item.value_size));
  }
  return Event::kRequest;
}

RequestParser::RequestParser(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

std::span<char> RequestParser::buffer() {
  state_->forget_delivered();
  return state_->in.space();
}

void RequestParser::commit(std::size_t size) { state_->in.commit(size); }
RequestParser::Event RequestParser::next() { return state_->next(); }
const Request& RequestParser::request() const { return state_->request; }
std::string_view RequestParser::refusal() const { return state_->refused; }
RequestParser::Farewell RequestParser::farewell() const { return state_->goodbye; }

std::uint64_t RequestParser::payload_pending() const {
  const State& state = *state_;
  if (state.is_refused || state.is_delivered) return 0;
  switch (state.mode) {
    case State::Mode::kPayload:
      return state.payload;
    case State::Mode::kBatch:
    case State::Mode::kBatchItem:
      return state.batch_bytes;
    case State::Mode::kHeader:
    case State::Mode::kDead:
      return 0;
  }
  return 0;
}

std::uint64_t RequestParser::memory_used() const { return state_->in.capacity(); }

void RequestParser::refuse_current(std::string_view code, std::string_view fields,
                                   std::string_view text) {
  State& state = *state_;
  if (state.is_refused || state.is_delivered) return;
  state.refuse(code, fields, text);
  if (state.mode == State::Mode::kPayload) {
    state.in.consume(state.done);
    state.done = 0;
    state.left = state.payload;
  } else if (state.mode == State::Mode::kBatchItem) {
    state.in.consume(state.done);
    state.done = 0;
    state.items.clear();
    state.left = state.item_key + state.item_value;
  }
}

bool RequestParser::is_mid_request() const {
  const State& state = *state_;
  if (state.is_delivered) return state.in.bytes().size() > state.delivered;
  return state.mode != State::Mode::kDead &&
         (state.mode != State::Mode::kHeader || !state.in.bytes().empty());
}

}  // namespace kv::protocol
