#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/identity.h"
#include "format/manifest.h"
#include "io/file_system.h"
#include "kv/result.h"
#include "kv/verify.h"

namespace kv::engine {

// What the small files of a data directory say, read without changing any of them, and damage told
// instead of refused: for tools that look at databases which no store would open.
struct DatabaseFiles {
  std::optional<format::Identity> identity;         // none: missing or damaged
  std::optional<format::ManifestContent> manifest;  // the same
  std::vector<format::SegmentId> segments;          // *.seg that lie there
  std::vector<format::SegmentId> hints;
  std::vector<Finding> findings;
  std::vector<std::string> notes;

  // As the identity says, or else the MANIFEST.
  std::optional<std::uint64_t> database_id_hash() const;
};

// kNotADatabase when neither CURRENT nor a segment lies there; kNewerFormat; kIo when the directory
// cannot be listed.
Result<DatabaseFiles> read_database_files(io::FileSystem& fs, const std::string& dir);

// Whether the segment's file is there and holds nothing: it waits to become the active one.
bool is_spare(io::FileSystem& fs, const std::string& dir, format::SegmentId id);

// What the header of a segment says of it, sealed values left out; nullopt: missing or damaged.
std::optional<format::SegmentInfo> info_from_header(io::FileSystem& fs, const std::string& dir,
                                                    format::SegmentId id);

}  // namespace kv::engine
