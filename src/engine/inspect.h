#pragma once

#include <string_view>

#include "engine/data_directory.h"
#include "engine/index.h"
#include "engine/segment_table.h"
#include "kv/store.h"

namespace kv::engine {

// Finds every record of the key in the store's segments: key filters rule segments out, the others
// are read from their first byte to their last. Writers and merges go on meanwhile; what they move
// is found where it was or where it is. Any thread.
Result<Inspection> inspect(DataDirectory& dir, SegmentTable& table, const Index& index,
                           std::string_view key);

}  // namespace kv::engine
