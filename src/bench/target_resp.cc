#include "bench/target_resp.h"

#include <fmt/format.h>

#include "base/check.h"
#include "bench/decimal.h"
#include "kv/options.h"

namespace kv::bench {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kLineMax = 64 * 1024;  // longer lines no server of this protocol sends

// "$100", whose bytes and line end follow, or "$-1".
bool parse_bulk(std::string_view bytes, std::size_t line, std::string_view length, Answer& answer) {
  if (length == "-1") {
    answer.kind = Answer::Kind::kMissing;
    answer.size = line;
    return true;
  }
  std::uint64_t size = 0;
  if (!take_decimal(length, size) || !length.empty() || size > kValueSizeMax) return true;
  const std::size_t whole = line + size + kLineEnd.size();
  if (bytes.size() < whole) return false;
  if (bytes.substr(line + size, kLineEnd.size()) != kLineEnd) return true;
  answer.kind = Answer::Kind::kValue;
  answer.size = whole;
  answer.value = bytes.substr(line, size);
  return true;
}

}  // namespace

TargetResp::TargetResp(const KeyNames& names)
    : Target(names),
      get_head_(fmt::format("*2\r\n$3\r\nGET\r\n${}\r\n", names.size())),
      set_head_(fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n", names.size())) {}

void TargetResp::append_get(std::string& out, std::uint32_t key) const {
  out += get_head_;
  names().append(out, key);
  out += kLineEnd;
}

void TargetResp::append_put(std::string& out, std::uint32_t key, std::uint32_t value_size,
                            std::uint32_t stamp) const {
  out += set_head_;
  names().append(out, key);
  out += "\r\n$";
  append_decimal(out, value_size);
  out += kLineEnd;
  values().append(out, key, value_size, stamp);
  out += kLineEnd;
}

void TargetResp::append_scan(std::string&, std::uint32_t, std::uint32_t) const {
  KV_CHECK(can_scan());
}

bool TargetResp::parse(std::string_view bytes, Answer& answer) const {
  answer = Answer();
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return bytes.size() >= kLineMax;
  if (end < 2 || bytes[end - 1] != '\r') return true;
  const std::string_view rest = bytes.substr(1, end - 2);
  switch (bytes.front()) {
    case '$':
      return parse_bulk(bytes, end + 1, rest, answer);
    case '+':
      answer.kind = Answer::Kind::kWritten;
      break;
    case '-':
      answer.kind = Answer::Kind::kRefused;
      answer.text = rest;
      break;
    default:
      return true;
  }
  answer.size = end + 1;
  return true;
}

}  // namespace kv::bench
