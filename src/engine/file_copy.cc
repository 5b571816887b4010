#include "engine/file_copy.h"

#include "base/checksum.h"
#include "engine/paced_file.h"
#include "format/backup_list.h"
#include "format/names.h"

namespace kv::engine {

namespace {

// `out` may be null.
Result<FileDigest> read_all(const io::File& file, io::File* out, ReadPace& pace) {
  const PacedFile paced(file, pace);
  FileDigest digest;
  std::string piece(format::kBackupPieceSize, '\0');
  for (;;) {
    auto got = paced.read_at(digest.size, piece.data(), piece.size(), ReadMode::kMayBlock);
    if (!got) return tl::unexpected(std::move(got).error());
    if (*got == 0) return digest;
    const std::string_view pieces[] = {std::string_view(piece).substr(0, *got)};
    digest.hash = base::chain64(digest.hash, pieces[0]);
    if (out != nullptr) {
      if (auto written = out->write_at(digest.size, pieces); !written) {
        return tl::unexpected(std::move(written).error());
      }
    }
    digest.size += *got;
  }
}

}  // namespace

Result<FileDigest> digest_file(io::FileSystem& fs, const std::string& path, ReadPace& pace) {
  auto file = fs.open(path, io::OpenMode::kRead);
  if (!file) return tl::unexpected(std::move(file).error());
  return read_all(**file, nullptr, pace);
}

Result<FileDigest> copy_file(io::FileSystem& fs, const std::string& from, const std::string& to,
                             ReadPace& pace) {
  const std::string temporary = to + std::string(format::kTemporarySuffix);
  auto is_there = fs.exists(temporary);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (*is_there) {
    if (auto removed = fs.remove(temporary); !removed) {
      return tl::unexpected(std::move(removed).error());
    }
  }
  auto source = fs.open(from, io::OpenMode::kRead);
  if (!source) return tl::unexpected(std::move(source).error());
  auto target = fs.open(temporary, io::OpenMode::kCreate);
  if (!target) return tl::unexpected(std::move(target).error());
  auto digest = read_all(**source, target->get(), pace);
  Result<void> done;
  if (!digest) done = tl::unexpected(digest.error());
  if (done) done = (*target)->sync();
  if (done) done = fs.rename(temporary, to);
  if (done) return digest;
  // Half a copy is of no use to anybody; what cannot be removed is replaced by the next one.
  [[maybe_unused]] const auto removed = fs.remove(temporary);
  return tl::unexpected(std::move(done).error());
}

}  // namespace kv::engine
