#include "protocol/reply.h"

#include <charconv>
#include <limits>

#include "protocol/header.h"

namespace kv::protocol {

namespace {

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

bool parse_error(std::string_view rest, ReplyLine& reply) {
  reply.kind = ReplyLine::Kind::kError;
  reply.code = take_word(rest);
  const std::string_view applied = take_word(rest);
  if (reply.code.empty() || (applied != "applied=no" && applied != "applied=maybe")) return false;
  reply.applied = applied == "applied=no" ? Applied::kNo : Applied::kMaybe;
  if (!rest.empty() && rest[0] == ':') {
    reply.text = rest.substr(1);
    return true;
  }
  const std::size_t text = rest.find(" :");
  reply.fields = rest.substr(0, text);
  if (text != std::string_view::npos) reply.text = rest.substr(text + 2);
  return true;
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

void append_written(std::string& out, std::string_view tag, std::uint64_t version) {
  append_tag(out, tag);
  out += "OK";
  append_version(out, version);
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
    // A line end inside would begin a line of its own.
    for (const char c : text) out += c == '\n' || c == '\r' ? ' ' : c;
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
  if (!rest.empty() && rest[0] == '@') reply.tag = take_word(rest).substr(1);
  const std::string_view word = take_word(rest);
  bool is_good = true;
  if (word == "OK") {
    reply.kind = ReplyLine::Kind::kOk;
  } else if (word == "VALUE" || word == "INFO" || word == "KEY") {
    reply.kind = word == "VALUE"  ? ReplyLine::Kind::kValue
                 : word == "INFO" ? ReplyLine::Kind::kInfo
                                  : ReplyLine::Kind::kKey;
    is_good = take_length(rest, reply.size1);
  } else if (word == "NOT_FOUND") {
    reply.kind = ReplyLine::Kind::kNotFound;
  } else if (word == "ITEM") {
    reply.kind = ReplyLine::Kind::kItem;
    is_good = take_length(rest, reply.size1) && take_length(rest, reply.size2);
  } else if (word == "END") {
    reply.kind = ReplyLine::Kind::kEnd;
    is_good = take_length(rest, reply.size1);
  } else if (word == "ERR") {
    return parse_error(rest, reply) ? std::optional(reply) : std::nullopt;
  } else {
    is_good = false;
  }
  reply.fields = rest;
  return is_good ? std::optional(reply) : std::nullopt;
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
