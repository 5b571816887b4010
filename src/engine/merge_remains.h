#pragma once

#include <set>
#include <vector>

#include "engine/data_directory.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// Takes in what a merge had written when the MANIFEST does not say that it was committed and yet a
// sealed segment is gone; otherwise, and mostly, does nothing: the inputs of such a merge are all
// there, and its outputs go. Rot in the last edit of the MANIFEST looks like an edit that a crash
// tore. If that edit was a merge's commit, the inputs were removed after it, and the outputs hold
// the only copy of what was in them.
//
// The outputs are sealed as they lie and then are segments like any other. What else the lost ones
// held, deletes among it, is not known: those stay listed, so that keys with nothing newer answer
// as damaged, and salvage makes a database of the rest. A loss is noted as a quarantine, so that a
// later merge that ends early is not taken for this one.
//
// All of it is one edit: a crash leaves things as they were found, or done.
Result<void> take_in_remains(DataDirectory& dir, EventListener* listener);

// The sealed segments of `state` that are not among `files` and whose loss it does not know of.
std::vector<format::SegmentInfo> new_losses(const format::ManifestState& state,
                                            const std::set<format::SegmentId>& files);

}  // namespace kv::engine
