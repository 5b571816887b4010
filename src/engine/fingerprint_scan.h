#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/index.h"
#include "engine/segment_table.h"
#include "format/state_fingerprint.h"
#include "kv/result.h"

namespace kv::engine {

// Computes the fingerprint of what a snapshot sees, step by step: reads the header of every newest
// record, those of some keys at a time in the order in which they lie. The values are the
// scrubber's affair.
//
// Memory: the fingerprint, and one window of keys. One thread at a time, beside everything else.
class FingerprintScan {
 public:
  // `pin`: of the table, from before the snapshot, so that every place stays readable.
  FingerprintScan(const Index& index, SegmentTable& table, std::shared_ptr<const void> pin,
                  Index::Snapshot snapshot)
      : index_(index), table_(table), pin_(std::move(pin)), snapshot_(std::move(snapshot)) {}

  // At least so many more keys. False: that was all. The error: a record's header cannot be read,
  // so nobody knows what this node holds.
  Result<bool> step(std::size_t keys);
  const format::StateFingerprint& fingerprint() const { return fingerprint_; }

 private:
  Result<void> add_window();
  Result<void> open(std::uint32_t slot);

  const Index& index_;
  SegmentTable& table_;
  const std::shared_ptr<const void> pin_;
  const Index::Snapshot snapshot_;
  std::string start_;
  IndexWindow window_;
  std::vector<std::uint32_t> order_;  // of the window's keys, as they lie in the segments
  std::shared_ptr<Segment> segment_;  // that was read last, and its file
  std::shared_ptr<io::File> file_;
  format::StateFingerprint fingerprint_;
};

}  // namespace kv::engine
