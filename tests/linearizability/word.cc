#include "tests/linearizability/word.h"

#include <fmt/format.h>

#include "base/hex.h"

namespace kv::linearizability {
namespace {

tl::unexpected<Error> wrong(std::string what) {
  return tl::unexpected(Error{.code = Errc::kInvalidArgument, .context = std::move(what)});
}

bool is_plain(char c) { return c > ' ' && c <= '~' && c != '\\'; }

}  // namespace

std::string quoted(std::string_view bytes) {
  if (bytes.empty()) return "\"\"";
  std::string out;
  const bool is_special = bytes[0] == '"' || bytes == "=" || bytes == "ack=local";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (is_plain(bytes[i]) && !(is_special && i == 0)) {
      out += bytes[i];
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[i]));
    }
  }
  return out;
}

Result<std::string> unquoted(std::string_view word) {
  if (word == "\"\"") return std::string();
  if (word.empty() || word[0] == '"') return wrong(fmt::format("no key or value: {}", word));
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (is_plain(word[i])) {
      out += word[i];
      continue;
    }
    const bool is_escape = word[i] == '\\' && i + 3 < word.size() && word[i + 1] == 'x';
    const int high = is_escape ? base::hex_digit(word[i + 2]) : -1;
    const int low = is_escape ? base::hex_digit(word[i + 3]) : -1;
    if (high < 0 || low < 0) return wrong(fmt::format("byte {} of {} is no \\xNN", i + 1, word));
    out += static_cast<char>(high * 16 + low);
    i += 3;
  }
  return out;
}

}  // namespace kv::linearizability
