#include "format/backup_list.h"

#include <charconv>

#include <fmt/format.h>

#include "base/checksum.h"
#include "format/damage.h"

namespace kv::format {

namespace {

constexpr std::string_view kFirstLine = "kv-backup 1\n";

// Takes the text up to `end` off the front; nullopt: there is no such end.
std::string_view take(std::string_view& text, char end) {
  const std::size_t size = text.find(end);
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
  return taken;
}

bool read(std::string_view word, std::uint64_t& out, int base) {
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), out, base);
  return parsed.ec == std::errc{} && parsed.ptr == word.data() + word.size();
}

}  // namespace

std::string encode_backup_list(const BackupList& list) {
  std::string out(kFirstLine);
  out += fmt::format("database {}\nmanifest {}\nversion {}\n", list.database_id,
                     list.manifest_number, list.version);
  for (const BackupFile& file : list.files) {
    out += fmt::format("file {} {} {:016x}\n", file.name, file.size, file.hash);
  }
  return out + fmt::format("checksum {:08x}\n", base::crc32c(out));
}

Result<BackupList> decode_backup_list(std::string_view text) {
  const std::string_view whole = text;
  const std::size_t last = text.rfind("checksum ");
  if (last == std::string_view::npos ||
      text.substr(last) != fmt::format("checksum {:08x}\n", base::crc32c(text.substr(0, last)))) {
    return corruption("backup list: checksum mismatch");
  }
  if (!whole.starts_with(kFirstLine)) return newer_format("backup list of another version");
  BackupList list;
  bool is_right = true;
  for (text = text.substr(kFirstLine.size(), last - kFirstLine.size()); !text.empty();) {
    std::string_view line = take(text, '\n');
    const std::string_view word = take(line, ' ');
    if (word == "database") {
      list.database_id = line;
    } else if (word == "manifest") {
      is_right = is_right && read(line, list.manifest_number, 10);
    } else if (word == "version") {
      is_right = is_right && read(line, list.version, 10);
    } else {
      BackupFile file;
      file.name = take(line, ' ');
      is_right = is_right && word == "file" && read(take(line, ' '), file.size, 10) &&
                 read(line, file.hash, 16) && file.name.find('/') == std::string::npos;
      list.files.push_back(std::move(file));
    }
  }
  // What this version never writes: encoding it again finds it.
  if (!is_right || encode_backup_list(list) != whole) {
    return corruption("backup list: a line holds what this version never writes");
  }
  return list;
}

}  // namespace kv::format
