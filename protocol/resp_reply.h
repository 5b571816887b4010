#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv::protocol {

enum class RespVersion : std::uint8_t { k2 = 2, k3 = 3 };

// Replies of RESP, appended to `out`. What only RESP3 has becomes what RESP2 clients expect.

void append_simple(std::string& out, std::string_view text);  // "+OK"; no line ends in it
// "-CODE text"; line ends in it become spaces.
void append_resp_error(std::string& out, std::string_view code, std::string_view text);
void append_integer(std::string& out, std::int64_t number);
void append_bulk(std::string& out, std::string_view bytes);
void append_bulk_header(std::string& out, std::size_t size);  // then the bytes and "\r\n"
void append_null(std::string& out, RespVersion version);
void append_array(std::string& out, std::size_t count);  // the items follow
// `pairs` keys and values follow.
void append_map(std::string& out, std::size_t pairs, RespVersion version);

}  // namespace kv::protocol
