#include "protocol/reply.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "protocol/header.h"

namespace kv::protocol {

namespace {

constexpr std::size_t kCodeMax = 24;
constexpr std::size_t kTextMax = 1024;  // of an error, so that a client can bound its lines

void append_number(std::string& out, std::uint64_t value) {
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 1];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_tag(std::string& out, std::string_view tag) {
  if (tag.empty()) return;
  out += '@';
  out += tag;
  out += ' ';
}

void append_version(std::string& out, std::uint64_t version) {
  out += " ver=";
  append_number(out, version);
}

bool is_control(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }

// Not cut in the middle of a UTF-8 character.
std::string_view shortened(std::string_view text) {
  if (text.size() <= kTextMax) return text;
  std::size_t size = kTextMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) --size;
  return text.substr(0, size);
}

// Cuts the next word off a reply line.
std::string_view take_word(std::string_view& rest) {
  const std::size_t size = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, size);
  rest.remove_prefix(std::min(size + 1, rest.size()));
  return word;
}

bool take_length(std::string_view& rest, std::uint64_t& value) {
  const auto length = parse_length(take_word(rest));
  if (!length) return false;
  value = *length;
  return true;
}

bool is_code(std::string_view word) {
  return !word.empty() && word.size() <= kCodeMax &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// Words of visible ASCII between single blanks; or nothing.
bool is_field_list(std::string_view fields) {
  if (fields.empty()) return true;
  char before = ' ';
  for (const char c : fields) {
    if (c < 0x20 || c > 0x7e || (c == ' ' && before == ' ')) return false;
    before = c;
  }
  return before != ' ';
}

// A blank at the end of a line is not canonical, and take_word() would not show it.
bool ends_well(std::string_view line) { return !line.empty() && line.back() != ' '; }

// `rest` is what stands behind "ERR ".
bool parse_error(std::string_view rest, ReplyLine& reply) {
  const std::string_view whole = rest;
  reply.code = take_word(rest);
  const std::string_view applied = take_word(rest);
  if (!is_code(reply.code) || (applied != "applied=no" && applied != "applied=maybe")) return false;
  reply.applied = applied == "applied=no" ? Applied::kNo : Applied::kMaybe;
  const std::size_t text = rest.starts_with(':') ? 0 : rest.find(" :");
  if (rest.starts_with(' ')) return false;
  reply.fields = rest.substr(0, text);
  if (text == std::string_view::npos && !ends_well(whole)) return false;
  if (text != std::string_view::npos) reply.text = rest.substr(rest.find(':', text) + 1);
  return is_field_list(reply.fields) && reply.text.find('\n') == std::string_view::npos;
}

std::optional<ReplyLine::Kind> kind_of(std::string_view word) {
  using Kind = ReplyLine::Kind;
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"OK", Kind::kOk},     {"VALUE", Kind::kValue}, {"NOT_FOUND", Kind::kNotFound},
      {"ITEM", Kind::kItem}, {"KEY", Kind::kKey},     {"END", Kind::kEnd},
      {"ERR", Kind::kError}, {"INFO", Kind::kInfo},
  };
  for (const auto& [name, kind] : kKinds) {
    if (name == word) return kind;
  }
  return std::nullopt;
}

// What stands between the first word and the fields.
bool take_sizes(std::string_view& rest, ReplyLine& reply) {
  switch (reply.kind) {
    case ReplyLine::Kind::kValue:
    case ReplyLine::Kind::kInfo:
    case ReplyLine::Kind::kKey:
    case ReplyLine::Kind::kEnd:
      return take_length(rest, reply.size1);
    case ReplyLine::Kind::kItem:
      return take_length(rest, reply.size1) && take_length(rest, reply.size2);
    case ReplyLine::Kind::kOk:
    case ReplyLine::Kind::kNotFound:
    case ReplyLine::Kind::kError:
      return true;
  }
  return false;
}

bool may_have_fields(ReplyLine::Kind kind) {
  return kind != ReplyLine::Kind::kNotFound && kind != ReplyLine::Kind::kKey &&
         kind != ReplyLine::Kind::kInfo;
}

}  // namespace

void append_ok(std::string& out, std::string_view tag, std::string_view fields) {
  append_tag(out, tag);
  out += "OK";
  if (!fields.empty()) {
    out += ' ';
    out += fields;
  }
  out += '\n';
}

void append_written(std::string& out, std::string_view tag, std::uint64_t version,
                    std::uint64_t local_epoch) {
  append_tag(out, tag);
  out += "OK";
  append_version(out, version);
  if (local_epoch > 0) {
    out += " ack=local epoch=";
    append_number(out, local_epoch);
  }
  out += '\n';
}

void append_value_header(std::string& out, std::string_view tag, std::uint64_t size,
                         std::optional<std::uint64_t> version) {
  append_tag(out, tag);
  out += "VALUE ";
  append_number(out, size);
  if (version) append_version(out, *version);
  out += '\n';
}

void append_not_found(std::string& out, std::string_view tag) {
  append_tag(out, tag);
  out += "NOT_FOUND\n";
}

void append_item(std::string& out, std::string_view tag, std::string_view key,
                 std::string_view value, std::uint64_t version) {
  append_tag(out, tag);
  out += "ITEM ";
  append_number(out, key.size());
  out += ' ';
  append_number(out, value.size());
  append_version(out, version);
  out += '\n';
  out += key;
  out += value;
  out += '\n';
}

void append_key(std::string& out, std::string_view tag, std::string_view key) {
  append_tag(out, tag);
  out += "KEY ";
  append_number(out, key.size());
  out += '\n';
  out += key;
  out += '\n';
}

void append_end(std::string& out, std::string_view tag, std::uint64_t count, bool has_more) {
  append_tag(out, tag);
  out += "END ";
  append_number(out, count);
  out += has_more ? " more=1\n" : " more=0\n";
}

void append_info(std::string& out, std::string_view tag, std::string_view text) {
  append_tag(out, tag);
  out += "INFO ";
  append_number(out, text.size());
  out += '\n';
  out += text;
  out += '\n';
}

void append_error(std::string& out, std::string_view tag, std::string_view code, Applied applied,
                  std::string_view fields, std::string_view text) {
  append_tag(out, tag);
  out += "ERR ";
  out += code;
  out += applied == Applied::kNo ? " applied=no" : " applied=maybe";
  if (!fields.empty()) {
    out += ' ';
    out += fields;
  }
  if (!text.empty()) {
    out += " :";
    // A line end inside would begin a line of its own, and the rest may end up on a terminal.
    for (const char c : shortened(text)) out += is_control(c) ? ' ' : c;
  }
  out += '\n';
}

std::uint64_t ReplyLine::payload_size() const {
  switch (kind) {
    case Kind::kValue:
    case Kind::kInfo:
    case Kind::kKey:
      return size1 + 1;
    case Kind::kItem:
      return size1 + size2 + 1;
    case Kind::kOk:
    case Kind::kNotFound:
    case Kind::kEnd:
    case Kind::kError:
      return 0;
  }
  return 0;
}

std::optional<ReplyLine> parse_reply_line(std::string_view line) {
  ReplyLine reply;
  std::string_view rest = line;
  if (rest.starts_with('@')) {
    reply.tag = take_word(rest).substr(1);
    if (!is_tag(reply.tag)) return std::nullopt;
  }
  const auto kind = kind_of(take_word(rest));
  if (!kind) return std::nullopt;
  reply.kind = *kind;
  if (reply.kind == ReplyLine::Kind::kError) {
    return parse_error(rest, reply) ? std::optional(reply) : std::nullopt;
  }
  if (!take_sizes(rest, reply) || !ends_well(line) || !is_field_list(rest)) return std::nullopt;
  if (!rest.empty() && !may_have_fields(reply.kind)) return std::nullopt;
  reply.fields = rest;
  if (reply.kind == ReplyLine::Kind::kEnd) {
    const auto more = field(rest, "more");
    if (more != "0" && more != "1") return std::nullopt;
  }
  return reply;
}

std::optional<std::string_view> field(std::string_view fields, std::string_view name) {
  while (!fields.empty()) {
    const std::string_view word = take_word(fields);
    if (word.size() > name.size() && word.substr(0, name.size()) == name &&
        word[name.size()] == '=') {
      return word.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

}  // namespace kv::protocol
