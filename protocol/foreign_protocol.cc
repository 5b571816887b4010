#include "protocol/foreign_protocol.h"

#include <algorithm>

#include <fmt/format.h>

namespace kv::protocol {

namespace {

constexpr std::string_view kTlsInResp =
    "-ERR Protocol error: that was TLS, this port speaks plain text; turn TLS off\r\n";
constexpr std::string_view kHttpInResp =
    "-ERR Protocol error: that was HTTP, this port speaks RESP; connect elsewhere\r\n";
constexpr std::string_view kRespIsOff =
    "-ERR RESP is off on this server; kv start --resp on serves it\r\n";

bool is_word(std::string_view line, std::string_view word) {
  if (line.size() < word.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(word.begin(), word.end(), line.begin(),
                    [&](char a, char b) { return lower(a) == lower(b); }) &&
         (line.size() == word.size() || line[word.size()] == ' ' || line[word.size()] == '\t');
}

}  // namespace

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

bool is_http_line(std::string_view line) {
  return is_http_request(line) || is_word(line, "post") || is_word(line, "host:");
}

std::string http_refusal(std::string_view admin_hint) {
  const std::string page = fmt::format(
      "This port speaks the protocols of kv or of Redis, not HTTP.\n{}\n"
      "To see that it answers: printf 'PING\\nQUIT\\n' | nc HOST PORT\n",
      admin_hint.empty() ? "This server has no admin port for HTTP." : admin_hint);
  return fmt::format(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      page.size(), page);
}

std::string_view resp_refusal() { return kRespIsOff; }
std::string_view tls_refusal_of_resp() { return kTlsInResp; }
std::string_view http_refusal_of_resp() { return kHttpInResp; }

std::string_view foreign_protocol_of(std::string_view refusal) {
  if (refusal.starts_with("HTTP/1.1 400 ") || refusal == kHttpInResp) return "HTTP";
  if (refusal.starts_with("ERR WRONG_PROTOCOL ") || refusal == kTlsInResp) return "TLS";
  return refusal == kRespIsOff ? "RESP" : "";
}

}  // namespace kv::protocol
