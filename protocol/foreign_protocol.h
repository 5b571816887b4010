#pragma once

#include <string>
#include <string_view>

namespace kv::protocol {

// Other protocols that end up on this port by mistake, known by how they begin. Looked for only
// until the connection's first good header: nothing that speaks kv looks like them.

bool is_tls_hello(std::string_view bytes);    // 0x16 0x03; both bytes have to be there
bool is_resp(std::string_view bytes);         // an array: "*" first
bool is_http_request(std::string_view line);  // ends in " HTTP/1.x"; `line` without its line end

// A page for a person with a browser. `admin_hint` says where HTTP is spoken; may be empty.
std::string http_refusal(std::string_view admin_hint);
std::string_view resp_refusal();

}  // namespace kv::protocol
