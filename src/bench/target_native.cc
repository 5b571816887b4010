#include "bench/target_native.h"

#include <fmt/format.h>

#include "bench/decimal.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

namespace kv::bench {

namespace {

std::string_view option_text(std::optional<Sync> sync) {
  if (!sync) return "";
  switch (*sync) {
    case Sync::kNone:
      return " sync=none";
    case Sync::kInterval:
      return " sync=interval";
    case Sync::kDisk:
      return " sync=disk";
  }
  return "";
}

// `sizes` are those of the payloads that follow the line, together.
bool take_payload(std::string_view bytes, std::size_t line, std::uint64_t sizes,
                  std::string_view& payload, Answer& answer) {
  constexpr std::uint64_t kPayloadMax = 2 * std::uint64_t{kValueSizeMax};
  answer.kind = Answer::Kind::kNone;
  if (sizes > kPayloadMax) return true;
  answer.size = line + sizes + 1;
  if (bytes.size() < answer.size) return false;
  payload = bytes.substr(line, sizes);
  return true;
}

// The commonest line by hand: "VALUE 100 ver=7".
bool parse_value(std::string_view bytes, std::size_t line, std::string_view rest, Answer& answer) {
  std::uint64_t size = 0;
  answer.kind = Answer::Kind::kNone;
  if (!take_decimal(rest, size) || (!rest.empty() && rest.front() != ' ')) return true;
  if (!take_payload(bytes, line, size, answer.value, answer)) return false;
  if (answer.size > 0 && bytes[answer.size - 1] == '\n') answer.kind = Answer::Kind::kValue;
  return true;
}

bool parse_item(std::string_view bytes, std::size_t line, const protocol::ReplyLine& reply,
                Answer& answer) {
  std::string_view payload;
  answer.kind = Answer::Kind::kNone;
  if (reply.size1 > kKeySizeMax || reply.size2 > kValueSizeMax) return true;
  if (!take_payload(bytes, line, reply.size1 + reply.size2, payload, answer)) return false;
  answer.key = payload.substr(0, reply.size1);
  answer.value = payload.substr(reply.size1);
  if (bytes[answer.size - 1] == '\n') answer.kind = Answer::Kind::kItem;
  return true;
}

}  // namespace

TargetNative::TargetNative(const KeyNames& names, std::optional<Sync> sync)
    : Target(names),
      get_head_(fmt::format("GET {}\n", names.size())),
      put_head_(fmt::format("PUT {} ", names.size())),
      put_tail_(fmt::format("{}\n", option_text(sync))),
      scan_head_(fmt::format("RANGE {} 0 limit=", names.size())) {}

void TargetNative::append_get(std::string& out, std::uint32_t key) const {
  out += get_head_;
  names().append(out, key);
}

void TargetNative::append_put(std::string& out, std::uint32_t key, std::uint32_t value_size,
                              std::uint32_t stamp) const {
  out += put_head_;
  append_decimal(out, value_size);
  out += put_tail_;
  names().append(out, key);
  values().append(out, key, value_size, stamp);
}

void TargetNative::append_scan(std::string& out, std::uint32_t key, std::uint32_t count) const {
  out += scan_head_;
  append_decimal(out, count);
  out += '\n';
  names().append(out, key);
}

bool TargetNative::parse(std::string_view bytes, Answer& answer) const {
  constexpr std::string_view kValue = "VALUE ";
  answer = Answer();
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return bytes.size() >= protocol::Limits().header_max;
  const std::string_view line = bytes.substr(0, end);
  if (line.starts_with(kValue)) {
    return parse_value(bytes, end + 1, line.substr(kValue.size()), answer);
  }
  const auto reply = protocol::parse_reply_line(line);
  if (!reply || !reply->tag.empty()) return true;
  answer.size = end + 1;
  switch (reply->kind) {
    using Kind = protocol::ReplyLine::Kind;
    case Kind::kOk:
      answer.kind = Answer::Kind::kWritten;
      break;
    case Kind::kNotFound:
      answer.kind = Answer::Kind::kMissing;
      break;
    case Kind::kItem:
      return parse_item(bytes, end + 1, *reply, answer);
    case Kind::kEnd:
      answer.kind = Answer::Kind::kEnd;
      answer.has_more = protocol::field(reply->fields, "more") == "1";
      break;
    case Kind::kError:
      answer.kind = Answer::Kind::kRefused;
      answer.text = line.substr(line.find(' ') + 1);
      answer.is_elsewhere = reply->code == "NOT_LEADER" || reply->code == "SHUTTING_DOWN" ||
                            reply->code == "UNKNOWN_OUTCOME";
      break;
    case Kind::kValue:
    case Kind::kKey:
    case Kind::kInfo:
      break;
  }
  return true;
}

}  // namespace kv::bench
