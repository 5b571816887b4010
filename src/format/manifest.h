#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/edit.h"
#include "format/manifest_state.h"
#include "kv/result.h"

namespace kv::format {

// The MANIFEST is a header and then edits in frames, each with size and checksum; the database's
// set of segments is what the edits, applied in order, say. A frame is real once it is synced.
//
//   header, 64 bytes; crc covers bytes 0..59
//   0     4       6    8        16          24                      60    64
//   +-----+-------+----+--------+-----------+-----------------------+-----+
//   |magic|version|zero|manifest|database   |zero                   |crc  |
//   |u32  |u16    |u16 |number  |id hash u64|36 bytes               |u32  |
//   +-----+-------+----+--------+-----------+-----------------------+-----+
//
//   frame; crc covers the manifest's number (8 bytes), size and edits
//   0     4     8
//   +-----+-----+------------------------------------------------------+
//   |crc  |size |edits, then zero bytes to a multiple of 8             |
//   |u32  |u32  |size bytes                                            |
//   +-----+-----+------------------------------------------------------+
//
// The number is in the checksum so that a frame left over from another manifest never passes.
inline constexpr std::size_t kManifestHeaderSize = 64;
inline constexpr std::uint32_t kManifestMagic = 0x314d564b;  // "KVM1"
inline constexpr std::uint16_t kManifestVersion = 1;
inline constexpr std::size_t kFrameHeadSize = 8;
inline constexpr std::uint32_t kFrameSizeMax = 64 * 1024 * 1024;

std::string encode_manifest_header(std::uint64_t manifest_number, std::uint64_t database_id_hash);

// Appends one frame. Edits of one frame count together or not at all. Sync after each frame: when
// two are under way and a crash keeps the second alone, that reads as damage to the first.
void append_edits(std::string& out, std::span<const Edit> edits, std::uint64_t manifest_number);
void append_edit(std::string& out, const Edit& edit, std::uint64_t manifest_number);

struct ManifestContent {
  ManifestState state;
  std::uint64_t manifest_number = 0;
  std::uint64_t database_id_hash = 0;
  std::uint64_t valid_size = 0;  // of whole frames; a torn last one, never relied on, lies behind
};
// kCorruption with the offset when a frame that was complete is damaged; kNewerFormat. A bad frame
// is torn, not damaged, when it is cut short or only zeros follow it, and no valid frame begins
// anywhere behind.
Result<ManifestContent> decode_manifest(std::string_view content);

}  // namespace kv::format
