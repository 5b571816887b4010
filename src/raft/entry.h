#pragma once

#include <cstdint>
#include <memory>

#include "raft/config.h"
#include "raft/types.h"

namespace kv::raft {

enum class EntryKind : std::uint8_t {
  kData,    // the driver's own: a write
  kNoop,    // a leader's first record, rule E7
  kConfig,  // who the members are from here on
};

// What the core knows of a record. Its bytes stay with the driver, which finds them by `seq`.
struct Entry {
  Term term = 0;
  Seq seq = 0;
  std::uint64_t chain = 0;
  std::uint64_t size = 0;    // bytes in the log
  std::uint64_t digest = 0;  // of the body, as the driver gave it: one input of the chain
  EntryKind kind = EntryKind::kData;
  std::shared_ptr<const Config> config = {};  // of kConfig

  Point point() const { return {term, seq, chain}; }
};

}  // namespace kv::raft
