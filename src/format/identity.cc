#include "format/identity.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "format/damage.h"
#include "format/names.h"

namespace kv::format {
namespace {

constexpr std::string_view kVersionLabel = "format_version=";
constexpr std::string_view kDatabaseLabel = "database_id=";
constexpr std::string_view kNodeUuidLabel = "node_uuid=";
constexpr std::string_view kClusterLabel = "cluster_id=";
constexpr std::string_view kNodeLabel = "node_id=";  // in version 1 what is node_uuid now
constexpr std::string_view kChecksumLabel = "crc32c=";
constexpr std::size_t kIdSize = 32;
constexpr std::size_t kChecksumSize = 8;

bool is_id(std::string_view text) {
  return text.size() == kIdSize && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string checksum_line(std::string_view lines) {
  return fmt::format("{}{:08x}\n", kChecksumLabel, base::crc32c(lines));
}

// Takes the line that starts with `label` off the front of `text`; what follows the label, or
// nothing when the line is another.
std::string_view take_line(std::string_view& text, std::string_view label) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(label)) return {};
  const std::string_view value = text.substr(label.size(), end - label.size());
  text.remove_prefix(end + 1);
  return value;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

std::optional<Identity> read_version_1(std::string_view lines) {
  Identity identity;
  identity.database_id = take_line(lines, kDatabaseLabel);
  const auto uuid = base::uuid_from_hex(take_line(lines, kNodeLabel));
  if (!is_id(identity.database_id) || !uuid) return std::nullopt;
  identity.node_uuid = *uuid;
  return identity;
}

std::optional<Identity> read_version_2(std::string_view lines) {
  Identity identity;
  identity.database_id = take_line(lines, kDatabaseLabel);
  const auto uuid = base::uuid_from_hex(take_line(lines, kNodeUuidLabel));
  const auto cluster = base::uuid_from_hex(take_line(lines, kClusterLabel));
  const bool has_node = read_number(take_line(lines, kNodeLabel), identity.node_id);
  if (!is_id(identity.database_id) || !uuid || !cluster || cluster->is_nil() || !has_node ||
      identity.node_id == 0) {
    return std::nullopt;
  }
  identity.node_uuid = *uuid;
  identity.cluster_id = *cluster;
  return identity;
}

}  // namespace

std::string encode_identity(const Identity& identity) {
  KV_CHECK(is_id(identity.database_id));
  KV_CHECK(identity.cluster_id.is_nil() == (identity.node_id == 0));
  const std::string uuid = base::to_hex(identity.node_uuid);
  const std::string lines =
      identity.cluster_id.is_nil()
          ? fmt::format("{}1\n{}{}\n{}{}\n", kVersionLabel, kDatabaseLabel, identity.database_id,
                        kNodeLabel, uuid)
          : fmt::format("{}2\n{}{}\n{}{}\n{}{}\n{}{}\n", kVersionLabel, kDatabaseLabel,
                        identity.database_id, kNodeUuidLabel, uuid, kClusterLabel,
                        base::to_hex(identity.cluster_id), kNodeLabel, identity.node_id);
  return lines + checksum_line(lines);
}

Result<Identity> decode_identity(std::string_view text) {
  constexpr std::size_t kLineSize = kChecksumLabel.size() + kChecksumSize + 1;
  if (text.size() < kLineSize) return corruption("identity: incomplete");
  std::string_view lines = text.substr(0, text.size() - kLineSize);
  if (text.substr(lines.size()) != checksum_line(lines)) {
    return corruption("identity: checksum mismatch");
  }
  std::uint32_t number = 0;
  if (!read_number(take_line(lines, kVersionLabel), number)) {
    return corruption("identity: no format version");
  }
  // Before anything else is read: the lines that follow are the newer version's business.
  if (number > kDatabaseFormatVersion) {
    return newer_format(fmt::format("database format {}; this program knows up to {}", number,
                                    kDatabaseFormatVersion));
  }
  const auto identity = number == 1 ? read_version_1(lines) : read_version_2(lines);
  // What no program writes: encoding it again finds the rest of it.
  if (!identity || encode_identity(*identity) != text) {
    return corruption("identity: lines are missing or malformed");
  }
  return *identity;
}

std::uint64_t database_id_hash(const Identity& identity) {
  return base::hash64(identity.database_id);
}

std::string encode_current(std::uint64_t manifest_number) {
  const std::string name = manifest_name(manifest_number);
  return fmt::format("{} {:08x}\n", name, base::crc32c(name));
}

Result<std::uint64_t> decode_current(std::string_view text) {
  const ParsedName name = parse_name(text.substr(0, text.find(' ')));
  if (name.kind != FileKind::kManifest || text != encode_current(name.number)) {
    return corruption("current: does not name a manifest, or its checksum is wrong");
  }
  return name.number;
}

}  // namespace kv::format
