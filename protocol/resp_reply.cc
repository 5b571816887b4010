#include "protocol/resp_reply.h"

#include <charconv>

namespace kv::protocol {

namespace {

void append_line(std::string& out, char type, std::int64_t number) {
  char text[24];
  text[0] = type;
  char* const end = std::to_chars(text + 1, text + sizeof text - 2, number).ptr;
  end[0] = '\r';
  end[1] = '\n';
  out.append(text, static_cast<std::size_t>(end + 2 - text));
}

}  // namespace

void append_simple(std::string& out, std::string_view text) {
  out += '+';
  out += text;
  out += "\r\n";
}

void append_resp_error(std::string& out, std::string_view code, std::string_view text) {
  out += '-';
  out += code;
  out += ' ';
  for (const char c : text) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\r\n";
}

void append_integer(std::string& out, std::int64_t number) { append_line(out, ':', number); }

void append_bulk_header(std::string& out, std::size_t size) {
  append_line(out, '$', static_cast<std::int64_t>(size));
}

void append_bulk(std::string& out, std::string_view bytes) {
  append_bulk_header(out, bytes.size());
  out += bytes;
  out += "\r\n";
}

void append_null(std::string& out, RespVersion version) {
  out += version == RespVersion::k3 ? "_\r\n" : "$-1\r\n";
}

void append_array(std::string& out, std::size_t count) {
  append_line(out, '*', static_cast<std::int64_t>(count));
}

void append_map(std::string& out, std::size_t pairs, RespVersion version) {
  if (version == RespVersion::k3) {
    append_line(out, '%', static_cast<std::int64_t>(pairs));
  } else {
    append_line(out, '*', static_cast<std::int64_t>(2 * pairs));
  }
}

}  // namespace kv::protocol
