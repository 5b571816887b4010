#include "engine/backup_list_file.h"

namespace kv::engine {

Error not_a_backup(std::string context) { return {Errc::kNotADatabase, std::move(context), {}}; }

std::string backup_list_path(const std::string& dir) {
  return dir + "/" + std::string(format::kBackupListName);
}

Result<format::BackupList> read_backup_list(io::FileSystem& fs, const std::string& dir) {
  auto is_there = fs.exists(backup_list_path(dir));
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (!*is_there) return tl::unexpected(not_a_backup(dir + " holds no backup"));
  auto text = io::read_file(fs, backup_list_path(dir));
  if (!text) return tl::unexpected(std::move(text).error());
  auto list = format::decode_backup_list(*text);
  if (list) return list;
  return tl::unexpected(
      Error{list.error().code, backup_list_path(dir) + ": " + list.error().context, {}});
}

}  // namespace kv::engine
