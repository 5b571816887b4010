// Any bytes as what a client of Redis sends: split anywhere, they give the same commands and
// refusals, and the parser holds no more memory than came.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "protocol/foreign_protocol.h"
#include "protocol/resp_parser.h"

namespace {

using namespace kv::protocol;
using Event = RespParser::Event;
using Inline = RespParser::Inline;

constexpr std::size_t kMemoryBase = 64 * 1024;
// An empty argument is 6 bytes, and takes a place in two lists that grow by doubling.
constexpr std::size_t kMemoryPerByte = 16;

// So small that short inputs reach every limit.
Limits small_limits() {
  Limits limits;
  limits.header_max = 96;
  limits.value_max = 16;
  limits.batch_max = 4;
  limits.discard_max = 64;
  return limits;
}

// One error line, which a client of Redis takes, or the page for browsers.
void check_refusal(std::string_view refusal) {
  if (foreign_protocol_of(refusal) == "HTTP") return;
  KV_CHECK(refusal.starts_with("-ERR "));
  KV_CHECK(refusal.find('\n') == refusal.size() - 1);
  KV_CHECK(refusal[refusal.size() - 2] == '\r');
}

std::string described(const RespParser& parser, const Limits& limits, bool is_inline) {
  const auto arguments = parser.arguments();
  KV_CHECK(!arguments.empty());
  if (!is_inline) KV_CHECK(arguments.size() <= 2 * std::size_t{limits.batch_max} + 16);
  std::string out = "command";
  for (const std::string_view argument : arguments) {
    KV_CHECK(argument.size() <= std::max<std::size_t>(limits.value_max, limits.header_max));
    out += fmt::format(" {}:{}", argument.size(), argument);
  }
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

std::vector<std::string> events_of(std::string_view bytes, const Limits& limits, Inline inlines,
                                   Pieces pieces) {
  RespParser parser(limits, inlines);
  std::vector<std::string> events;
  std::size_t received = 0;
  while (received < bytes.size()) {
    const auto space = parser.buffer();
    KV_CHECK(!space.empty());
    const std::size_t size = std::min({space.size(), pieces.next(), bytes.size() - received});
    std::memcpy(space.data(), bytes.data() + received, size);
    parser.commit(size);
    received += size;
    for (Event event = parser.next(); event != Event::kNeedBytes; event = parser.next()) {
      if (event == Event::kCommand) {
        events.push_back(described(parser, limits, inlines == Inline::kAllowed));
        continue;
      }
      check_refusal(parser.refusal());
      events.emplace_back(parser.refusal());
      if (event == Event::kFatal) return events;
    }
    KV_CHECK(parser.memory_used() <= kMemoryBase + kMemoryPerByte * received);
  }
  events.emplace_back(parser.is_mid_request() ? "unfinished" : "between commands");
  return events;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::uint64_t seed = size;
  for (const char c : bytes) seed = seed * 31 + static_cast<unsigned char>(c);
  for (const Inline inlines : {Inline::kAllowed, Inline::kRefused}) {
    for (const Limits& limits : {Limits{}, small_limits()}) {
      const auto whole = events_of(bytes, limits, inlines, Pieces(0, 1 << 30));
      KV_CHECK(events_of(bytes, limits, inlines, Pieces(0, 1)) == whole);
      KV_CHECK(events_of(bytes, limits, inlines, Pieces(seed, 24)) == whole);
    }
  }
  return 0;
}
