// Any bytes as a reply line: what is understood is all of the line, so that written down again it
// is the same line.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"
#include "protocol/reply.h"

namespace {

using namespace kv::protocol;

std::string first_words(const ReplyLine& reply) {
  switch (reply.kind) {
    case ReplyLine::Kind::kOk:
      return "OK";
    case ReplyLine::Kind::kValue:
      return fmt::format("VALUE {}", reply.size1);
    case ReplyLine::Kind::kNotFound:
      return "NOT_FOUND";
    case ReplyLine::Kind::kItem:
      return fmt::format("ITEM {} {}", reply.size1, reply.size2);
    case ReplyLine::Kind::kKey:
      return fmt::format("KEY {}", reply.size1);
    case ReplyLine::Kind::kEnd:
      return fmt::format("END {}", reply.size1);
    case ReplyLine::Kind::kInfo:
      return fmt::format("INFO {}", reply.size1);
    case ReplyLine::Kind::kError:
      return fmt::format("ERR {} applied={}", reply.code,
                         reply.applied == Applied::kNo ? "no" : "maybe");
  }
  return {};
}

void check_line(std::string_view line) {
  const auto reply = parse_reply_line(line);
  if (!reply) return;
  std::string again;
  if (!reply->tag.empty()) again = fmt::format("@{} ", reply->tag);
  again += first_words(*reply);
  if (!reply->fields.empty()) again.append(" ").append(reply->fields);
  if (!reply->text.empty()) again.append(" :").append(reply->text);
  // An error's text may be empty, and then it cannot be told from none.
  KV_CHECK(again == line || again + " :" == line);
  KV_CHECK(reply->is_terminal() || reply->payload_size() > 0);
  KV_CHECK(reply->payload_size() <= reply->size1 + reply->size2 + 1);
  if (const auto version = field(reply->fields, "ver")) {
    KV_CHECK(reply->fields.find("ver=") != std::string_view::npos);
    KV_CHECK(version->find(' ') == std::string_view::npos);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_line(bytes);
  // And every line of it, as a client cuts them.
  for (std::size_t begin = 0; begin < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    check_line(bytes.substr(begin, end - begin));
    begin = end + 1;
  }
  return 0;
}
