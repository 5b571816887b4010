#include "engine/database_files.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/names.h"

namespace kv::engine {

namespace {

using format::FileKind;

class Reader {
 public:
  Reader(io::FileSystem& fs, const std::string& dir) : fs_(fs), dir_(dir) {}

  Result<DatabaseFiles> run() {
    auto names = fs_.list(dir_);
    if (!names) return tl::unexpected(std::move(names).error());
    bool has_current = false;
    for (const std::string& name : *names) {
      has_current = has_current || name == format::kCurrentName;
      take_name(name);
    }
    if (!has_current && out_.segments.empty()) {
      return tl::unexpected(Error{
          Errc::kNotADatabase, dir_ + " holds no kv database: neither CURRENT nor segments", {}});
    }
    if (auto done = read_identity(); !done) return tl::unexpected(std::move(done).error());
    if (auto done = read_manifest(has_current); !done) {
      return tl::unexpected(std::move(done).error());
    }
    return std::move(out_);
  }

 private:
  std::string path(std::string_view name) const { return dir_ + "/" + std::string(name); }

  void take_name(const std::string& name) {
    const format::ParsedName parsed = format::parse_name(name);
    const auto id = static_cast<format::SegmentId>(parsed.number);
    if (parsed.kind == FileKind::kSegment) out_.segments.push_back(id);
    if (parsed.kind == FileKind::kHint) out_.hints.push_back(id);
    if (parsed.kind == FileKind::kManifest) manifests_.push_back(parsed.number);
    if (parsed.kind == FileKind::kForeign) out_.notes.push_back(path(name) + " is not kv's");
    if (parsed.kind == FileKind::kTemporary) {
      out_.notes.push_back(path(name) + " was left half made by a crash");
    }
    if (parsed.kind == FileKind::kLostFound) {
      out_.notes.push_back(path(name) + " holds what a recovery set aside");
    }
    if (parsed.kind == FileKind::kIncoming) {
      out_.notes.push_back(path(name) + " is for files that another node sends");
    }
  }

  void find(std::string_view name, std::string details, bool loses_data) {
    Finding finding;
    finding.what = "file damaged";
    finding.file = path(name);
    finding.loses_data = loses_data;
    finding.details = std::move(details);
    out_.findings.push_back(std::move(finding));
  }

  Result<void> read_identity() {
    const auto text = io::read_file(fs_, path(format::kIdentityName));
    if (!text) {
      find(format::kIdentityName, describe(text.error()), true);
      return {};
    }
    auto identity = format::decode_identity(*text);
    if (identity) {
      out_.identity = std::move(*identity);
      return {};
    }
    return refuse(format::kIdentityName, identity.error());
  }

  // Newer is for a newer program to judge; everything else is a finding.
  Result<void> refuse(std::string_view name, const Error& error) {
    if (error.code == Errc::kNewerFormat) {
      return tl::unexpected(Error{error.code, path(name) + ": " + error.context, {}});
    }
    find(name, error.context, true);
    return {};
  }

  Result<void> read_manifest(bool has_current) {
    std::sort(manifests_.rbegin(), manifests_.rend());
    const auto text = io::read_file(fs_, path(format::kCurrentName));
    const auto number = text ? format::decode_current(*text) : Result<std::uint64_t>(0);
    if (text && number) return take_manifest(*number);
    if (text && !number) {
      if (auto told = refuse(format::kCurrentName, number.error()); !told) return told;
    } else {
      find(format::kCurrentName, has_current ? describe(text.error()) : "it is missing", true);
    }
    // Any MANIFEST that can be read says more than none, and the newest says most.
    for (const std::uint64_t candidate : manifests_) {
      if (out_.manifest) break;
      if (auto taken = take_manifest(candidate); !taken) return taken;
    }
    return {};
  }

  Result<void> take_manifest(std::uint64_t number) {
    const std::string name = format::manifest_name(number);
    const auto text = io::read_file(fs_, path(name));
    if (!text) {
      find(name, describe(text.error()), true);
      return {};
    }
    auto content = format::decode_manifest(*text);
    if (!content) return refuse(name, content.error());
    const bool is_ours =
        content->manifest_number == number &&
        (!out_.identity || content->database_id_hash == format::database_id_hash(*out_.identity));
    if (!is_ours) {
      find(name, "it belongs to another database or has another number", true);
      return {};
    }
    if (content->valid_size < text->size()) {
      out_.notes.push_back(
          fmt::format("{} ends in an edit that a crash tore, {} bytes; nothing "
                      "relied on it",
                      path(name), text->size() - content->valid_size));
    }
    out_.manifest = std::move(*content);
    return {};
  }

  io::FileSystem& fs_;
  const std::string& dir_;
  DatabaseFiles out_;
  std::vector<std::uint64_t> manifests_;
};

}  // namespace

std::optional<std::uint64_t> DatabaseFiles::database_id_hash() const {
  if (identity) return format::database_id_hash(*identity);
  if (manifest) return manifest->database_id_hash;
  return std::nullopt;
}

Result<DatabaseFiles> read_database_files(io::FileSystem& fs, const std::string& dir) {
  return Reader(fs, dir).run();
}

bool is_spare(io::FileSystem& fs, const std::string& dir, format::SegmentId id) {
  const auto file = fs.open(dir + "/" + format::segment_name(id), io::OpenMode::kRead);
  const auto size = file ? (*file)->size() : Result<std::uint64_t>(1);
  return size && *size == 0;
}

std::optional<format::SegmentInfo> info_from_header(io::FileSystem& fs, const std::string& dir,
                                                    format::SegmentId id) {
  const auto file = fs.open(dir + "/" + format::segment_name(id), io::OpenMode::kRead);
  if (!file) return std::nullopt;
  char bytes[format::kSegmentHeaderSize];
  const auto got = (*file)->read_at(0, bytes, sizeof bytes);
  if (!got) return std::nullopt;
  const auto header = format::decode_segment_header({bytes, *got});
  if (!header || header->id != id) return std::nullopt;
  format::SegmentInfo info;
  info.id = id;
  info.kind = header->kind;
  info.salt = header->salt;
  info.first_sequence = header->first_sequence;
  return info;
}

}  // namespace kv::engine
