#pragma once

#include <cstdint>

#include "raft/entry.h"
#include "raft/types.h"

namespace kv::raft {

// As many records as fit.
struct Extent {
  Seq last = 0;
  std::uint64_t bytes = 0;
};

// What the core asks of the log that its driver keeps. Called from within the core's functions
// only, on the thread that drives it. A record that was handed out in a Ready is asked for at the
// earliest once the core was told that it is durable; one that was cut off is never asked for
// again.
class Log {
 public:
  virtual ~Log() = default;

  // The place before the first record that is still there, at which a snapshot would stand; {} for
  // a log that has its first record. Asked for at the start only: see Core::compacted.
  virtual Point floor() const = 0;
  // The last record that is durable; floor() if there is none. Asked for at the start only.
  virtual Point last() const = 0;
  // floor().seq <= seq <= the last durable one.
  virtual Point point_at(Seq seq) const = 0;
  // The first record above the floor that has the same term as that one and only such between.
  virtual Seq term_start(Seq seq) const = 0;
  // The records from `first` to at most `last`: at least one, and no more than fit into
  // `bytes_max`.
  virtual Extent extent(Seq first, Seq last, std::uint64_t bytes_max) const = 0;
  // The chain behind a record that is about to be appended; its `chain` is not set yet.
  virtual std::uint64_t extend_chain(std::uint64_t chain, const Entry& entry) const = 0;
};

}  // namespace kv::raft
