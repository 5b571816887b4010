#include "engine/log_proof.h"

#include <algorithm>

#include "engine/database_files.h"
#include "engine/segment_scan.h"
#include "format/names.h"

namespace kv::engine {

namespace {

bool is_log(const format::SegmentInfo& info) { return info.kind == format::SegmentKind::kLog; }

Result<std::uint64_t> marked_in(io::FileSystem& fs, const std::string& dir,
                                const format::SegmentInfo& info) {
  const auto file = fs.open(dir + "/" + format::segment_name(info.id), io::OpenMode::kRead);
  if (!file) return 0;  // told when its turn comes
  auto size = (*file)->size();
  if (!size) return size;
  SegmentWindow window(**file, *size, info.salt);
  return find_synced_sequence(window, format::kSegmentHeaderSize);
}

}  // namespace

std::uint64_t required_by(LaterSegments later) {
  for (const format::SegmentInfo& info : later) {
    if (info.is_sealed && is_log(info) && info.records > 0) return info.first_sequence - 1;
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
  std::uint64_t proven = 0;
  for (const format::SegmentInfo& info : later) {
    if (info.is_sealed || !is_log(info)) continue;
    auto marked = marked_in(fs, dir, info);
    if (!marked) return marked;
    proven = std::max(proven, *marked);
  }
  if (const std::uint64_t end = end_before(fs, dir, later); end > 0) proven = std::min(proven, end);
  return std::max(proven, required_by(later));
}

}  // namespace kv::engine
