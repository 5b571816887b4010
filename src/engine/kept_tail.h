#pragma once

#include <span>

#include "engine/commit_pipeline.h"
#include "engine/data_directory.h"
#include "engine/unsealed.h"

namespace kv::engine {

// Hands what recovery kept unsealed to the commit pipeline, record by record: none of it is in the
// index. Before any other thread has the pipeline.
Result<void> adopt_tail(DataDirectory& dir, SegmentTable& table, CommitPipeline& pipeline,
                        std::span<const KeptSegment> kept);

}  // namespace kv::engine
