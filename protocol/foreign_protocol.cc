#include "protocol/foreign_protocol.h"

#include <fmt/format.h>

namespace kv::protocol {

bool is_tls_hello(std::string_view bytes) {
  constexpr std::string_view kHandshakeOfTls("\x16\x03");
  return bytes.substr(0, kHandshakeOfTls.size()) == kHandshakeOfTls;
}

bool is_resp(std::string_view bytes) { return !bytes.empty() && bytes[0] == '*'; }

bool is_http_request(std::string_view line) {
  constexpr std::string_view kMark = " HTTP/1.";
  return line.size() > kMark.size() &&
         line.substr(line.size() - kMark.size() - 1, kMark.size()) == kMark;
}

std::string http_refusal(std::string_view admin_hint) {
  const std::string page = fmt::format(
      "This port speaks the native kv protocol, not HTTP.\n{}\n"
      "To see that it answers: printf 'HELP\\nQUIT\\n' | nc HOST PORT\n",
      admin_hint.empty() ? "This server has no admin port for HTTP." : admin_hint);
  return fmt::format(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      page.size(), page);
}

std::string_view resp_refusal() {
  return "-ERR RESP is off on this server; kv start --resp on serves it\r\n";
}

}  // namespace kv::protocol
