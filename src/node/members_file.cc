#include "node/members_file.h"

#include <algorithm>
#include <utility>

#include "format/members_file.h"
#include "format/names.h"

namespace kv::node {

namespace {

std::string path_in(const std::string& dir) {
  return dir + "/" + std::string(format::kMembersName);
}

}  // namespace

Result<std::unique_ptr<MembersFile>> MembersFile::open(io::FileSystem& fs, const std::string& dir,
                                                       std::uint64_t database_id_hash) {
  const std::string path = path_in(dir);
  const auto is_there = fs.exists(path);
  if (!is_there) return tl::unexpected(is_there.error());
  if (!*is_there) {
    return tl::unexpected(Error{
        Errc::kCorruption, path + ": missing; without it nobody knows the cluster's members", {}});
  }
  const auto bytes = io::read_file(fs, path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto file = format::decode_members_file(*bytes);
  if (!file) {
    Error error = std::move(file).error();
    error.context = path + ": " + error.context;
    return tl::unexpected(std::move(error));
  }
  if (file->database_id_hash != database_id_hash) {
    return tl::unexpected(Error{Errc::kCorruption, path + ": belongs to another database", {}});
  }
  return std::unique_ptr<MembersFile>(
      new MembersFile(fs, path, database_id_hash, std::move(file->membership)));
}

Result<std::unique_ptr<MembersFile>> MembersFile::create(io::FileSystem& fs, const std::string& dir,
                                                         std::uint64_t database_id_hash,
                                                         format::Membership membership) {
  std::unique_ptr<MembersFile> made(new MembersFile(fs, path_in(dir), database_id_hash, {}));
  if (auto written = made->replace(std::move(membership)); !written) {
    return tl::unexpected(std::move(written).error());
  }
  return made;
}

Result<void> MembersFile::replace(format::Membership membership) {
  const format::MembersFile file{database_id_hash_, std::move(membership)};
  if (auto written = io::replace_file(fs_, path_, format::encode_members_file(file)); !written) {
    return written;
  }
  file_ = file.membership;
  return {};
}

Result<bool> MembersFile::is_disk_of(std::uint64_t node_id, const base::Uuid& node_uuid) {
  const auto found = std::ranges::find(file_.members, node_id, &format::Member::node_id);
  if (found == file_.members.end()) return false;
  if (!found->node_uuid.is_nil()) return found->node_uuid == node_uuid;
  format::Membership learnt = file_;
  learnt.members[static_cast<std::size_t>(found - file_.members.begin())].node_uuid = node_uuid;
  if (auto written = replace(std::move(learnt)); !written) {
    return tl::unexpected(std::move(written).error());
  }
  return true;
}

Result<void> MembersFile::relocate(const format::Membership& membership) {
  format::Membership moved = file_;
  for (format::Member& member : moved.members) {
    const auto named =
        std::ranges::find(membership.members, member.node_id, &format::Member::node_id);
    if (named == membership.members.end()) continue;
    member.peer_address = named->peer_address;
    member.client_address = named->client_address;
  }
  return moved == file_ ? Result<void>() : replace(std::move(moved));
}

}  // namespace kv::node
