#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/data_directory.h"
#include "engine/segment_table.h"
#include "format/manifest_state.h"
#include "kv/result.h"

namespace kv::engine {

// The state of a replicated store at its log's floor, as files: the sealed segments that hold
// nothing behind it. Nothing is made for it; the files stay as they are until the pin ends.
//
// A merge may have dropped what a record behind the floor made dead, so that it is the state only
// together with the log from there on, up to what was applied when it was taken.
struct BaseFiles {
  format::ManifestState state;  // those segments, and the floor
  std::shared_ptr<const void> pin;
};
// kCorruption when one of them is damaged: others are to hear of damage, and not to get it.
Result<BaseFiles> base_files(DataDirectory& dir, const SegmentTable& table);

// What the receiver has to know of them, as a MANIFEST; travels as a file in front of the others.
inline constexpr std::string_view kBaseListName = "BASE";
std::string encode_base_list(const format::ManifestState& state, std::uint64_t database_id_hash);
// kCorruption unless all segments in it are sealed and lie at or below its floor.
Result<format::ManifestState> decode_base_list(std::string_view bytes);

}  // namespace kv::engine
