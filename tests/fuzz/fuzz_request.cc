// Any bytes as what a client sends: split anywhere, they give the same requests and refusals, and
// the parser holds no more memory than came.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "protocol/parser.h"
#include "protocol/reply.h"

namespace {

using namespace kv::protocol;
using Event = RequestParser::Event;

constexpr std::size_t kMemoryBase = 64 * 1024;

// So small that short inputs reach every limit.
Limits small_limits() {
  Limits limits;
  limits.header_max = 96;
  limits.key_max = 8;
  limits.value_max = 16;
  limits.batch_max = 4;
  limits.batch_bytes_max = 48;
  limits.discard_max = 64;
  return limits;
}

void check_request(const Request& request, const Limits& limits) {
  KV_CHECK(request.tag.size() <= 32);
  if (request.verb != Verb::kPing) KV_CHECK(request.key.size() <= limits.key_max);
  KV_CHECK(request.value.size() <= limits.value_max);
  KV_CHECK(request.pairs.size() <= limits.batch_max);
  KV_CHECK(request.pairs.empty() == (request.verb != Verb::kBput));
  for (const auto& [key, value] : request.pairs) {
    KV_CHECK(!key.empty() && key.size() <= limits.key_max && value.size() <= limits.value_max);
  }
  KV_CHECK(request.limit >= 1 && request.limit <= limits.range_limit_max);
}

// A refusal is one reply line of this protocol, or addressed to another one.
void check_refusal(std::string_view refusal) {
  if (refusal.starts_with("HTTP/1.1 400 ") || refusal.starts_with("-ERR ")) return;
  KV_CHECK(refusal.ends_with('\n'));
  const auto line = parse_reply_line(refusal.substr(0, refusal.size() - 1));
  KV_CHECK(line && line->kind == ReplyLine::Kind::kError && line->applied == Applied::kNo);
}

std::string described(const Request& request) {
  std::string out = fmt::format(
      "{} @{} {}:{} {}:{} {} {} {} {}{}{}{}{} {}", int(request.verb), request.tag,
      request.key.size(), request.key, request.value.size(), request.value,
      int(request.condition.kind), request.condition.version, request.limit, request.is_reverse,
      request.is_keys_only, request.is_json, request.is_wait, request.has_echo, request.section);
  for (const auto& [key, value] : request.pairs) out += fmt::format(" {}={}", key, value);
  return out;
}

// A split is a run of numbers that depends on the input alone, so that a finding can be repeated.
class Pieces {
 public:
  Pieces(std::uint64_t seed, std::size_t size_max) : state_(seed | 1), size_max_(size_max) {}
  std::size_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return 1 + static_cast<std::size_t>(state_ >> 33) % size_max_;
  }

 private:
  std::uint64_t state_;
  const std::size_t size_max_;
};

std::vector<std::string> events_of(std::string_view bytes, const Limits& limits, Pieces pieces) {
  RequestParser parser(limits);
  std::vector<std::string> events;
  std::size_t received = 0;
  while (received < bytes.size()) {
    const auto space = parser.buffer();
    KV_CHECK(!space.empty());
    const std::size_t size = std::min({space.size(), pieces.next(), bytes.size() - received});
    std::memcpy(space.data(), bytes.data() + received, size);
    parser.commit(size);
    received += size;
    KV_CHECK(parser.memory_used() <= kMemoryBase + 2 * received);
    for (Event event = parser.next(); event != Event::kNeedBytes; event = parser.next()) {
      if (event == Event::kRequest) {
        check_request(parser.request(), limits);
        events.push_back(described(parser.request()));
        continue;
      }
      check_refusal(parser.refusal());
      events.emplace_back(parser.refusal());
      if (event == Event::kFatal) return events;
    }
  }
  events.emplace_back(parser.is_mid_request() ? "unfinished" : "between requests");
  return events;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::uint64_t seed = size;
  for (const char c : bytes) seed = seed * 31 + static_cast<unsigned char>(c);
  for (const Limits& limits : {Limits{}, small_limits()}) {
    const auto whole = events_of(bytes, limits, Pieces(0, 1 << 30));
    KV_CHECK(events_of(bytes, limits, Pieces(0, 1)) == whole);
    KV_CHECK(events_of(bytes, limits, Pieces(seed, 24)) == whole);
  }
  return 0;
}
