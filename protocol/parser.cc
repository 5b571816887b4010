#include "protocol/parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/foreign_protocol.h"
#include "protocol/parser_state.h"
#include "protocol/reply.h"
#include "protocol/request_options.h"

namespace kv::protocol {

namespace {

// Lists of a batch that keep no more than this many entries between requests.
constexpr std::size_t kIdleItemsMax = 128;

template <class T>
void clear_to_idle(std::vector<T>& list) {
  list.clear();
  if (list.capacity() > kIdleItemsMax) std::vector<T>().swap(list);
}

}  // namespace

std::string_view without_cr(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::size_t blank_size(std::string_view bytes) {
  std::size_t size = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(size);
    const std::size_t blank = rest.starts_with('\n') ? 1 : rest.starts_with("\r\n") ? 2 : 0;
    if (blank == 0) return size;
    size += blank;
  }
}

RequestParser::Event RequestParser::State::next() {
  forget_delivered();
  for (;;) {
    Step step = Step::kNeedBytes;
    switch (mode) {
      case Mode::kHeader:
        step = parse_line();
        break;
      case Mode::kPayload:
        step = take_payload();
        break;
      case Mode::kBatch:
        step = take_item_header();
        break;
      case Mode::kBatchItem:
        step = take_item();
        break;
      case Mode::kDead:
        break;
    }
    switch (step) {
      case Step::kGoOn:
        continue;
      case Step::kNeedBytes:
        return Event::kNeedBytes;
      case Step::kRequest:
        return Event::kRequest;
      case Step::kRefused:
        return Event::kRefused;
      case Step::kFatal:
        return Event::kFatal;
    }
  }
}

RequestParser::State::Step RequestParser::State::parse_line() {
  if (scanned == 0) in.consume(blank_size(in.bytes()));
  const std::string_view bytes = in.bytes();
  if (bytes.empty() || bytes == "\r") return Step::kNeedBytes;
  if (!has_spoken && is_tls_hello(bytes)) {
    return fatal("WRONG_PROTOCOL", "", "that was TLS, this port speaks plain text; turn TLS off");
  }
  if (!has_spoken && is_resp(bytes)) return fatal_raw(resp_refusal(), Farewell::kDrainBriefly);

  const std::size_t found = bytes.find('\n', scanned);
  const std::size_t line_size = found == std::string_view::npos ? bytes.size() : found + 1;
  if (line_size > limits.header_max) {
    tag = tag_of(bytes);
    return fatal("LINE_TOO_LONG", fmt::format("max={}", limits.header_max),
                 "a header line is shorter; check the lengths of the request before it");
  }
  if (found == std::string_view::npos) {
    scanned = bytes.size();
    return Step::kNeedBytes;
  }
  scanned = 0;
  return begin(without_cr(bytes.substr(0, found)), line_size);
}

RequestParser::State::Step RequestParser::State::begin(std::string_view line,
                                                       std::size_t line_size) {
  if (!has_spoken && is_http_request(line)) {
    return fatal_raw(http_refusal(admin_hint), Farewell::kDrainBriefly);
  }
  HeaderLine header;
  const char* wrong = line.empty() ? "a carriage return alone" : parse_header(line, header);
  tag = header.tag;
  const VerbShape* shape = find_verb(header.verb);
  if (shape == nullptr && !header.verb.empty()) {
    return fatal("BAD_VERB", "", "unknown verb; HELP lists them, and so does HELLO's feats");
  }
  if (wrong != nullptr) return fatal("BAD_HEADER", "", wrong);
  if (header.length_count < shape->lengths_min || header.length_count > shape->lengths_max) {
    return fatal("BAD_HEADER", "", shape->lengths_text);
  }
  has_spoken = true;
  request.verb = shape->verb;
  if (const auto bad = take_options(header, limits, request)) {
    refuse("BAD_ARG", fmt::format("arg={}", bad->name), bad->text);
  }
  done = line_size;
  return request.verb == Verb::kBput ? begin_batch(header.lengths[0]) : begin_payload(header);
}

RequestParser::State::Step RequestParser::State::begin_payload(const HeaderLine& header) {
  payload = header.lengths[0] + header.lengths[1];
  key_size = header.lengths[0];
  request.has_echo = request.verb == Verb::kPing && header.length_count == 1;
  if (payload > limits.discard_max) {
    goodbye = Farewell::kDrainBriefly;
    return fatal("VALUE_TOO_LARGE", fmt::format("max={}", limits.value_max),
                 "so much is not even read to be dropped; split the value and connect again");
  }
  check_sizes(header);
  mode = Mode::kPayload;
  if (is_refused) start_dropping(payload);
  return Step::kGoOn;
}

void RequestParser::State::check_sizes(const HeaderLine& header) {
  const std::uint64_t first = header.lengths[0];
  const std::uint64_t second = header.lengths[1];
  const Verb verb = request.verb;
  const bool is_value_first = verb == Verb::kPing;
  const bool is_value_second = verb == Verb::kPut;
  const bool needs_key = verb == Verb::kPut || verb == Verb::kGet || verb == Verb::kDel ||
                         verb == Verb::kInspect || verb == Verb::kBackup;
  if (first == 0 && needs_key) {
    refuse("EMPTY_KEY", "", "a key has at least 1 byte");
  }
  if ((first > limits.key_max && !is_value_first) ||
      (second > limits.key_max && !is_value_second)) {
    refuse("KEY_TOO_LARGE", fmt::format("max={}", limits.key_max), "use a shorter key");
  }
  if ((first > limits.value_max && is_value_first) ||
      (second > limits.value_max && is_value_second)) {
    refuse("VALUE_TOO_LARGE", fmt::format("max={}", limits.value_max), "split the value");
  }
}

RequestParser::State::Step RequestParser::State::take_payload() {
  if (is_refused) {
    if (!drop()) return Step::kNeedBytes;
    reset_request();
    return Step::kRefused;
  }
  const std::size_t size = done + static_cast<std::size_t>(payload);
  if (in.bytes().size() < size) return Step::kNeedBytes;
  const std::string_view body = in.bytes().substr(done, static_cast<std::size_t>(payload));
  request.key = body.substr(0, key_size);
  request.value = body.substr(key_size);
  deliver(size);
  return Step::kRequest;
}

// The views are set; they hold when the memory is handed over, too.
void RequestParser::State::deliver(std::size_t size) {
  request.tag = tag;
  is_delivered = true;
  delivered = size;
  if (size >= ReceiveBuffer::kLargeMin) {
    request.payload_owner = in.release(size);
    delivered = 0;
  }
}

void RequestParser::State::forget_delivered() {
  if (!std::exchange(is_delivered, false)) return;
  in.consume(std::exchange(delivered, 0));
  reset_request();
}

void RequestParser::State::reset_request() {
  clear_to_idle(items);
  clear_to_idle(request.pairs);
  auto pairs = std::move(request.pairs);
  request = Request{};
  request.pairs = std::move(pairs);
  tag.clear();
  is_refused = false;
  done = scanned = 0;
  payload = to_drop = 0;
  items_seen = batch_bytes = 0;
  mode = Mode::kHeader;
}

void RequestParser::State::refuse(std::string_view code, std::string_view fields,
                                  std::string_view text) {
  if (std::exchange(is_refused, true)) return;
  refused.clear();
  append_error(refused, tag, code, Applied::kNo, fields, text);
}

void RequestParser::State::start_dropping(std::uint64_t size) {
  in.consume(std::exchange(done, 0));
  clear_to_idle(items);
  to_drop = size;
}

bool RequestParser::State::drop() {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(to_drop, in.bytes().size()));
  in.consume(size);
  to_drop -= size;
  return to_drop == 0;
}

RequestParser::State::Step RequestParser::State::fatal(std::string_view code,
                                                       std::string_view fields,
                                                       std::string_view text) {
  refused.clear();
  append_error(refused, tag, code, Applied::kNo, fields, text);
  mode = Mode::kDead;
  return Step::kFatal;
}

RequestParser::State::Step RequestParser::State::fatal_raw(std::string_view whole_reply,
                                                           Farewell how) {
  refused = whole_reply;
  goodbye = how;
  mode = Mode::kDead;
  return Step::kFatal;
}

// What the request under way takes in `in`, where it is known.
std::size_t RequestParser::State::wanted() const {
  if (mode != Mode::kPayload || is_refused) return 0;
  return done + static_cast<std::size_t>(payload);
}

std::size_t RequestParser::State::memory_used() const {
  return in.capacity() + items.capacity() * sizeof(Item) +
         request.pairs.capacity() * sizeof(request.pairs[0]);
}

RequestParser::RequestParser(const Limits& limits, std::string_view admin_hint)
    : state_(std::make_unique<State>(limits, admin_hint)) {}
RequestParser::~RequestParser() = default;

std::span<char> RequestParser::buffer() {
  state_->forget_delivered();
  return state_->in.space(state_->wanted());
}

void RequestParser::commit(std::size_t size) { state_->in.commit(size); }
RequestParser::Event RequestParser::next() { return state_->next(); }
const Request& RequestParser::request() const { return state_->request; }
std::string_view RequestParser::refusal() const { return state_->refused; }
RequestParser::Farewell RequestParser::farewell() const { return state_->goodbye; }
std::uint64_t RequestParser::memory_used() const { return state_->memory_used(); }

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

void RequestParser::refuse_current(std::string_view code, std::string_view fields,
                                   std::string_view text) {
  State& state = *state_;
  if (state.is_refused || state.is_delivered) return;
  switch (state.mode) {
    case State::Mode::kPayload:
      state.refuse(code, fields, text);
      return state.start_dropping(state.payload);
    case State::Mode::kBatch:
      state.refuse(code, fields, text);
      return state.start_dropping(0);
    case State::Mode::kBatchItem:
      state.refuse(code, fields, text);
      return state.start_dropping(state.item_key + state.item_value);
    case State::Mode::kHeader:
    case State::Mode::kDead:
      return;
  }
}

std::string_view RequestParser::pending_tag() const {
  const State& state = *state_;
  return state.mode == State::Mode::kHeader ? tag_of(state.in.bytes()) : state.tag;
}

bool RequestParser::is_mid_request() const {
  const State& state = *state_;
  if (state.is_delivered) return state.in.bytes().size() > state.delivered;
  return state.mode != State::Mode::kDead &&
         (state.mode != State::Mode::kHeader || !state.in.bytes().empty());
}

}  // namespace kv::protocol
