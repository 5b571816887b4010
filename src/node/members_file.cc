#include "node/members_file.h"

#include <algorithm>
#include <utility>

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
      new MembersFile(fs, path, database_id_hash, std::move(*file)));
}

Result<std::unique_ptr<MembersFile>> MembersFile::create(io::FileSystem& fs, const std::string& dir,
                                                         std::uint64_t database_id_hash,
                                                         format::Membership membership,
                                                         Origin origin) {
  std::unique_ptr<MembersFile> made(new MembersFile(fs, path_in(dir), database_id_hash, {}));
  format::MembersFile file = made->file_;
  file.has_joined = origin == Origin::kJoined;
  file.membership = std::move(membership);
  if (auto written = made->replace(std::move(file)); !written) {
    return tl::unexpected(std::move(written).error());
  }
  return made;
}

Result<void> MembersFile::replace(format::MembersFile file) {
  if (auto written = io::replace_file(fs_, path_, format::encode_members_file(file)); !written) {
    return written;
  }
  file_ = std::move(file);
  return {};
}

Result<void> MembersFile::advance(std::uint64_t config_sequence, std::uint64_t sequence,
                                  format::Membership membership) {
  format::MembersFile file = file_;
  file.sequence = std::max(file.sequence, sequence);
  if (config_sequence > file.config_sequence) {
    file.config_sequence = config_sequence;
    for (format::Member& member : membership.members) {
      const auto known =
          std::ranges::find(file_.membership.members, member.node_id, &format::Member::node_id);
      if (member.node_uuid.is_nil() && known != file_.membership.members.end()) {
        member.node_uuid = known->node_uuid;
      }
    }
    file.membership = std::move(membership);
  }
  return file == file_ ? Result<void>() : replace(std::move(file));
}

Result<bool> MembersFile::is_disk_of(std::uint64_t node_id, const base::Uuid& node_uuid) {
  const auto& members = file_.membership.members;
  const auto found = std::ranges::find(members, node_id, &format::Member::node_id);
  if (found == members.end()) return false;
  if (!found->node_uuid.is_nil()) return found->node_uuid == node_uuid;
  // One disk has one number.
  if (std::ranges::find(members, node_uuid, &format::Member::node_uuid) != members.end()) {
    return false;
  }
  format::MembersFile learnt = file_;
  learnt.membership.members[static_cast<std::size_t>(found - members.begin())].node_uuid =
      node_uuid;
  if (auto written = replace(std::move(learnt)); !written) {
    return tl::unexpected(std::move(written).error());
  }
  return true;
}

Result<void> MembersFile::relocate(const format::Membership& membership) {
  if (file_.config_sequence != 0) return {};
  format::MembersFile moved = file_;
  for (format::Member& member : moved.membership.members) {
    const auto named =
        std::ranges::find(membership.members, member.node_id, &format::Member::node_id);
    if (named == membership.members.end()) continue;
    member.peer_address = named->peer_address;
    member.client_address = named->client_address;
  }
  return moved == file_ ? Result<void>() : replace(std::move(moved));
}

}  // namespace kv::node
