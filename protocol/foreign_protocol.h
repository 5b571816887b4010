#pragma once

#include <string>
#include <string_view>

namespace kv::protocol {

// Other protocols that end up on this port by mistake, or because a web page made a browser send
// them, known by how they begin. Where the native protocol is spoken they are looked for only until
// the connection's first good header: nothing that speaks kv looks like them. RESP's inline
// commands are lines that answer any error and go on, so there every line is looked at.

bool is_tls_hello(std::string_view bytes);    // 0x16 0x03; both bytes have to be there
bool is_resp(std::string_view bytes);         // an array: "*" first
bool is_http_request(std::string_view line);  // ends in " HTTP/1.x"; `line` without its line end

// A first line or, in front of a body, a header of HTTP: what `line` of inline commands of RESP
// never is, as no command is called "POST" or "Host:".
bool is_http_line(std::string_view line);

// A page for a person with a browser. `admin_hint` says where HTTP is spoken; may be empty.
std::string http_refusal(std::string_view admin_hint);
std::string_view resp_refusal();
std::string_view tls_refusal_of_resp();
std::string_view http_refusal_of_resp();

// Which other protocol a refusal is for, for the log: "HTTP", "TLS", "RESP"; empty: none.
std::string_view foreign_protocol_of(std::string_view refusal);

}  // namespace kv::protocol
