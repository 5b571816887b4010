#include "etcd/http_answer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace kv::etcd {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kLineMax = 1024;
constexpr int kHex = 16;
constexpr int kDecimal = 10;

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> size_of(std::string_view text, int base) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return size;
}

// "HTTP/1.1 200 OK"; 0: it is none, or one that is not the last. What HTTP/1.0 says is the same.
unsigned status_of(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = 9;
  constexpr std::size_t kStatusSize = 3;
  constexpr unsigned kFirstFinal = 200;
  if (!line.starts_with(kVersion) || line.size() < kStatusAt + kStatusSize) return 0;
  if (line[kVersion.size()] != '0' && line[kVersion.size()] != '1') return 0;
  if (line[kStatusAt - 1] != ' ') return 0;
  if (line.size() > kStatusAt + kStatusSize && line[kStatusAt + kStatusSize] != ' ') return 0;
  unsigned status = 0;
  for (const char digit : line.substr(kStatusAt, kStatusSize)) {
    if (digit < '0' || digit > '9') return 0;
    status = status * kDecimal + static_cast<unsigned>(digit - '0');
  }
  return status < kFirstFinal ? 0 : status;
}

}  // namespace

HttpAnswer::State HttpAnswer::take(std::string_view bytes) {
  if (state_ != State::kOpen) return state_;
  if (step_ != Step::kHead) taken_ += bytes.size();
  buffer_ += bytes;
  do {
    if (taken_ > kBodyMax) fail("too long a body");
  } while (state_ == State::kOpen && advance());
  return state_;
}

// False: more bytes are needed, or it is over.
bool HttpAnswer::advance() {
  switch (step_) {
    case Step::kHead:
      return read_head();
    case Step::kBody:
      return read_sized_body();
    case Step::kChunkSize:
      return read_chunk_size();
    case Step::kChunk:
      return read_chunk();
    case Step::kChunkEnd:
      return read_chunk_end();
    case Step::kTrailer:
      break;
  }
  return read_trailer();
}

bool HttpAnswer::read_head() {
  const std::size_t end = buffer_.find(kHeadEnd);
  if (std::min(end, buffer_.size()) > kHeadMax) return fail("too long a head");
  if (end == std::string::npos) return false;
  const std::string head = buffer_.substr(0, end + kLineEnd.size());
  buffer_.erase(0, end + kHeadEnd.size());
  taken_ = buffer_.size();

  const std::string_view first = std::string_view(head).substr(0, head.find(kLineEnd));
  status_ = status_of(first);
  if (status_ == 0) return fail("no HTTP answer");

  std::size_t begin = first.size() + kLineEnd.size();
  while (begin < head.size()) {
    const std::size_t line_end = head.find(kLineEnd, begin);
    if (!read_header(std::string_view(head).substr(begin, line_end - begin))) return false;
    begin = line_end + kLineEnd.size();
  }
  if (is_chunked_ == length_.has_value()) return fail("an answer whose end cannot be told");
  step_ = is_chunked_ ? Step::kChunkSize : Step::kBody;
  return true;
}

bool HttpAnswer::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return fail("a header without a name");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equals_ignoring_case(name, "content-length")) {
    const auto length = size_of(value, kDecimal);
    if (!length || length_) return fail("a length that is none");
    if (*length > kBodyMax) return fail("too long a body");
    length_ = length;
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    if (!equals_ignoring_case(value, "chunked") || is_chunked_) return fail("an unknown encoding");
    is_chunked_ = true;
  }
  return true;
}

bool HttpAnswer::read_sized_body() {
  if (buffer_.size() < *length_) return false;
  if (buffer_.size() > *length_) return fail("more than was announced");
  body_ = std::move(buffer_);
  return finish();
}

std::optional<std::string> HttpAnswer::take_line() {
  const std::size_t end = buffer_.find(kLineEnd);
  if (std::min(end, buffer_.size()) > kLineMax) {
    fail("too long a line");
    return std::nullopt;
  }
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + kLineEnd.size());
  return line;
}

bool HttpAnswer::read_chunk_size() {
  const auto line = take_line();
  if (!line) return false;
  const std::string_view text = trimmed(std::string_view(*line).substr(0, line->find(';')));
  const auto size = size_of(text, kHex);
  if (!size) return fail("a chunk without a size");
  if (*size > kBodyMax || body_.size() + *size > kBodyMax) return fail("too long a body");
  chunk_ = *size;
  step_ = chunk_ == 0 ? Step::kTrailer : Step::kChunk;
  return true;
}

bool HttpAnswer::read_chunk() {
  const std::size_t size = std::min(chunk_, buffer_.size());
  body_.append(buffer_, 0, size);
  buffer_.erase(0, size);
  chunk_ -= size;
  if (chunk_ > 0) return false;
  step_ = Step::kChunkEnd;
  return true;
}

bool HttpAnswer::read_chunk_end() {
  if (buffer_.size() < kLineEnd.size()) return false;
  if (!buffer_.starts_with(kLineEnd)) return fail("a chunk that is longer than its size");
  buffer_.erase(0, kLineEnd.size());
  step_ = Step::kChunkSize;
  return true;
}

bool HttpAnswer::read_trailer() {
  const auto line = take_line();
  if (!line) return false;
  if (!line->empty()) return true;
  if (!buffer_.empty()) return fail("more than was announced");
  return finish();
}

bool HttpAnswer::finish() {
  state_ = State::kComplete;
  return false;
}

bool HttpAnswer::fail(std::string cause) {
  state_ = State::kBroken;
  cause_ = std::move(cause);
  return false;
}

std::string http_post(std::string_view host, std::string_view path, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      path, host, body.size(), body);
}

}  // namespace kv::etcd
