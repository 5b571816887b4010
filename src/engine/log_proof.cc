#include "engine/log_proof.h"

#include <algorithm>
#include <system_error>

#include "engine/database_files.h"
#include "engine/segment_scan.h"
#include "engine/segment_window.h"
#include "format/names.h"

namespace kv::engine {

namespace {

bool is_log(const format::SegmentInfo& info) { return info.kind == format::SegmentKind::kLog; }

Result<std::uint64_t> marked_in(io::FileSystem& fs, const std::string& dir,
                                const format::SegmentInfo& info) {
  const auto file = fs.open(dir + "/" + format::segment_name(info.id), io::OpenMode::kRead);
  if (!file) {
    // Told when its turn comes.
    if (file.error().cause == std::errc::no_such_file_or_directory) return 0;
    return tl::unexpected(file.error());
  }
  auto size = (*file)->size();
  if (!size) return size;
  SegmentWindow window(**file, info.size_that_counts(*size), info.salt);
  return find_synced_sequence(window, format::kSegmentHeaderSize);
}

// Of what marks prove, that which belongs before the next segment's beginning.
std::uint64_t proven_before(io::FileSystem& fs, const std::string& dir, LaterSegments later,
                            std::uint64_t marked) {
  const std::uint64_t end = end_before(fs, dir, later);
  return std::max(end > 0 ? std::min(marked, end) : marked, required_by(later));
}

}  // namespace

std::uint64_t required_by(LaterSegments later) {
  for (const format::SegmentInfo& info : later) {
    if (info.is_sealed && is_log(info) && info.first_sequence > 0) return info.first_sequence - 1;
  }
  return 0;
}

std::uint64_t end_before(io::FileSystem& fs, const std::string& dir, LaterSegments later) {
  for (const format::SegmentInfo& info : later) {
    if (!is_log(info)) continue;
    const auto next = info.is_sealed ? info : info_from_header(fs, dir, info.id);
    if (next && next->salt == info.salt && next->first_sequence > 0) {
      return next->first_sequence - 1;
    }
  }
  return 0;
}

Result<std::uint64_t> proven_by(io::FileSystem& fs, const std::string& dir, LaterSegments later) {
  std::uint64_t highest = 0;
  for (const format::SegmentInfo& info : later) {
    if (info.is_sealed || !is_log(info)) continue;
    auto marked = marked_in(fs, dir, info);
    if (!marked) return marked;
    highest = std::max(highest, *marked);
  }
  return proven_before(fs, dir, later, highest);
}

std::uint64_t proven_by_readable(io::FileSystem& fs, const std::string& dir, LaterSegments later) {
  std::uint64_t highest = 0;
  for (const format::SegmentInfo& info : later) {
    if (info.is_sealed || !is_log(info)) continue;
    highest = std::max(highest, marked_in(fs, dir, info).value_or(0));
  }
  return proven_before(fs, dir, later, highest);
}

}  // namespace kv::engine
