#include "protocol/resp_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "protocol/foreign_protocol.h"

namespace kv::protocol {

namespace {

// Of a line that announces a number, its line end included.
constexpr std::size_t kNumberLineMax = 32;
constexpr std::size_t kIdleArgumentsMax = 128;

// A whole decimal number, perhaps negative.
bool parse_integer(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::span<char> RespParser::buffer() {
  forget_delivered();
  const std::size_t wanted =
      is_in_argument_ && !is_dropped_ ? done_ + static_cast<std::size_t>(argument_size_) + 2 : 0;
  return in_.space(wanted);
}

RespParser::Event RespParser::next() {
  forget_delivered();
  for (;;) {
    Step step = Step::kNeedBytes;
    if (!is_dead_) {
      step = expected_ == 0 ? begin() : is_in_argument_ ? take_argument() : take_argument_header();
    }
    switch (step) {
      case Step::kGoOn:
        continue;
      case Step::kNeedBytes:
        return Event::kNeedBytes;
      case Step::kCommand:
        return Event::kCommand;
      case Step::kRefused:
        return Event::kRefused;
      case Step::kFatal:
        return Event::kFatal;
    }
  }
}

bool RespParser::take_line(std::size_t at, std::string_view& line, std::size_t& next) {
  const std::string_view bytes = in_.bytes();
  const std::size_t end = bytes.find('\n', at);
  if (end == std::string_view::npos) return false;
  line = bytes.substr(at, end - at);
  if (line.ends_with('\r')) line.remove_suffix(1);
  next = end + 1;
  return true;
}

RespParser::Step RespParser::begin() {
  const std::string_view bytes = in_.bytes();
  if (bytes.empty()) return Step::kNeedBytes;
  if (!has_spoken_ && is_tls_hello(bytes)) return fatal_raw(tls_refusal_of_resp());
  return bytes[0] == '*' ? take_array_header(bytes) : take_inline(bytes);
}

RespParser::Step RespParser::take_inline(std::string_view bytes) {
  std::string_view line;
  std::size_t next = 0;
  const bool is_whole = take_line(0, line, next);
  if (!is_whole && bytes.size() <= limits_.header_max) return Step::kNeedBytes;
  if (!is_whole || next > limits_.header_max) return fatal("too big inline request");
  if (line.empty()) {
    in_.consume(next);
    return Step::kGoOn;
  }
  if (is_http_request(line) && !has_spoken_) return fatal_raw(http_refusal(""));
  if (is_http_line(line)) return fatal_raw(http_refusal_of_resp());
  has_spoken_ = true;
  if (!allows_inline_) {
    return fatal(fmt::format("expected '*', got '{}'", bytes[0] >= ' ' ? bytes[0] : '?'));
  }
  inline_arguments_.clear();
  if (!split_inline(line, inline_arguments_)) return fatal("unbalanced quotes in request");
  if (inline_arguments_.empty()) {
    in_.consume(next);
    return Step::kGoOn;
  }
  arguments_.assign(inline_arguments_.begin(), inline_arguments_.end());
  is_delivered_ = true;
  delivered_ = next;
  return Step::kCommand;
}

RespParser::Step RespParser::take_array_header(std::string_view bytes) {
  std::string_view line;
  std::size_t next = 0;
  const bool is_whole = take_line(1, line, next);
  if (!is_whole && bytes.size() <= kNumberLineMax) return Step::kNeedBytes;
  if (!is_whole || next > kNumberLineMax) return fatal("too big mbulk count string");
  std::int64_t count = 0;
  // A batch's keys and values, its name, and a few options.
  const std::int64_t count_max = 2 * std::int64_t{limits_.batch_max} + 16;
  if (!parse_integer(line, count) || count > count_max) return fatal("invalid multibulk length");
  if (count <= 0) {
    in_.consume(next);
    return Step::kGoOn;
  }
  has_spoken_ = true;
  expected_ = static_cast<std::uint64_t>(count);
  done_ = next;
  return Step::kGoOn;
}

RespParser::Step RespParser::take_argument_header() {
  const std::string_view rest = in_.bytes().substr(done_);
  if (rest.empty()) return Step::kNeedBytes;
  if (rest[0] != '$') {
    return fatal(fmt::format("expected '$', got '{}'", rest[0] >= ' ' ? rest[0] : '?'));
  }
  std::string_view line;
  std::size_t next = 0;
  const bool is_whole = take_line(done_ + 1, line, next);
  if (!is_whole && rest.size() <= kNumberLineMax) return Step::kNeedBytes;
  if (!is_whole || next - done_ > kNumberLineMax) return fatal("too big bulk count string");
  std::int64_t size = 0;
  const bool is_number = parse_integer(line, size) && size >= 0;
  if (!is_number || announced_ + static_cast<std::uint64_t>(size) > limits_.discard_max) {
    return fatal("invalid bulk length");
  }
  done_ = next;
  argument_size_ = static_cast<std::uint64_t>(size);
  announced_ += argument_size_;
  is_in_argument_ = true;
  argument_dropped_ = 0;
  if (argument_size_ > limits_.value_max && !is_dropped_) {
    refuse_current(
        fmt::format("-ERR value is too large; the limit is {} bytes\r\n", limits_.value_max));
  }
  return Step::kGoOn;
}

RespParser::Step RespParser::take_argument() {
  const auto size = static_cast<std::size_t>(argument_size_);
  if (is_dropped_) {
    in_.consume(std::exchange(done_, 0));
    const std::size_t take =
        std::min(in_.bytes().size(), size + 2 - static_cast<std::size_t>(argument_dropped_));
    in_.consume(take);
    argument_dropped_ += take;
    if (argument_dropped_ < size + 2) return Step::kNeedBytes;
    is_in_argument_ = false;
    if (--expected_ > 0) return Step::kGoOn;
    reset();
    return Step::kRefused;
  }
  const std::string_view bytes = in_.bytes();
  if (bytes.size() < done_ + size + 2) return Step::kNeedBytes;
  if (bytes.substr(done_ + size, 2) != "\r\n") {
    return fatal("expected a line end behind a bulk string");
  }
  found_.push_back({done_, size});
  done_ += size + 2;
  is_in_argument_ = false;
  return found_.size() == expected_ ? deliver() : Step::kGoOn;
}

RespParser::Step RespParser::deliver() {
  const char* const start = in_.bytes().data();
  arguments_.clear();
  for (const Argument& one : found_) arguments_.emplace_back(start + one.at, one.size);
  is_delivered_ = true;
  delivered_ = done_;
  if (done_ >= ReceiveBuffer::kLargeMin) {
    payload_owner_ = in_.release(done_);
    delivered_ = 0;
  }
  return Step::kCommand;
}

void RespParser::forget_delivered() {
  if (!std::exchange(is_delivered_, false)) return;
  in_.consume(std::exchange(delivered_, 0));
  reset();
}

void RespParser::reset() {
  found_.clear();
  arguments_.clear();
  if (found_.capacity() > kIdleArgumentsMax) std::vector<Argument>().swap(found_);
  if (arguments_.capacity() > kIdleArgumentsMax) {
    std::vector<std::string_view>().swap(arguments_);
  }
  payload_owner_.reset();
  expected_ = announced_ = argument_size_ = 0;
  done_ = 0;
  is_in_argument_ = is_dropped_ = false;
}

void RespParser::refuse_current(std::string_view reply) {
  if (expected_ == 0 || is_dropped_ || is_delivered_) return;
  refusal_ = reply;
  is_dropped_ = true;
  // What has come whole counts as dropped.
  expected_ -= found_.size();
  found_.clear();
  in_.consume(std::exchange(done_, 0));
}

RespParser::Step RespParser::fatal(std::string_view text) {
  return fatal_raw(fmt::format("-ERR Protocol error: {}\r\n", text));
}

RespParser::Step RespParser::fatal_raw(std::string_view reply) {
  refusal_ = reply;
  is_dead_ = true;
  return Step::kFatal;
}

std::uint64_t RespParser::payload_pending() const {
  return is_dropped_ || is_delivered_ ? 0 : announced_;
}

std::uint64_t RespParser::memory_used() const {
  return in_.capacity() + found_.capacity() * sizeof(Argument) +
         arguments_.capacity() * sizeof(std::string_view);
}

bool RespParser::is_mid_request() const {
  if (is_dead_) return false;
  if (is_delivered_) return in_.bytes().size() > delivered_;
  return expected_ > 0 || !in_.bytes().empty();
}

}  // namespace kv::protocol
