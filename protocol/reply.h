#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kv::protocol {

// Appending one reply, or one line of one, to `out`. `tag` is empty or goes in front as "@tag ".
// Payload-bearing lines are written in two parts where the payload is large: the *_header functions
// end with the LF of the line; the payload and its LF follow.
void append_ok(std::string& out, std::string_view tag, std::string_view fields = {});
// "OK ver=N", and of one that only the leader has, in the term `local_epoch`, "ack=local epoch=T".
void append_written(std::string& out, std::string_view tag, std::uint64_t version,
                    std::uint64_t local_epoch = 0);
void append_value_header(
    std::string& out, std::string_view tag, std::uint64_t size,
    std::optional<std::uint64_t> version);  // "VALUE n ver=N"; PING's echo has none
void append_not_found(std::string& out, std::string_view tag);
void append_item(std::string& out, std::string_view tag, std::string_view key,
                 std::string_view value, std::uint64_t version);
void append_key(std::string& out, std::string_view tag, std::string_view key);
void append_end(std::string& out, std::string_view tag, std::uint64_t count, bool has_more);
void append_info(std::string& out, std::string_view tag, std::string_view text);

enum class Applied { kNo, kMaybe };
// `text` is for people: cut at 1024 bytes, control characters become blanks.
void append_error(std::string& out, std::string_view tag, std::string_view code, Applied applied,
                  std::string_view fields = {}, std::string_view text = {});

// Client side: one reply line taken apart.
struct ReplyLine {
  enum class Kind { kOk, kValue, kNotFound, kItem, kKey, kEnd, kInfo, kError };
  Kind kind = Kind::kOk;
  std::string_view tag;
  std::uint64_t size1 = 0;  // VALUE, INFO, ITEM and KEY: of the first payload; END: the count
  std::uint64_t size2 = 0;  // ITEM: of the second
  std::string_view code;    // ERR
  Applied applied = Applied::kNo;
  std::string_view fields;  // "ver=3 more=0", as they stand
  std::string_view text;    // ERR: after " :"

  bool is_terminal() const { return kind != Kind::kItem && kind != Kind::kKey; }
  // Bytes after the line that belong to it, their LF included.
  std::uint64_t payload_size() const;
};
// `line` without its LF. nullopt: not a reply of this protocol. Fields that are not known today are
// let through, so that a later server may send more.
std::optional<ReplyLine> parse_reply_line(std::string_view line);
// Value of `name=` among the fields.
std::optional<std::string_view> field(std::string_view fields, std::string_view name);

}  // namespace kv::protocol
