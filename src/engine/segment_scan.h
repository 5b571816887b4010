#pragma once

#include <cstdint>
#include <vector>

#include "engine/damage.h"
#include "format/segment.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

enum class ScanMode {
  kUnsealed,  // a bad frame is the torn tail of a crash, unless a sync mark proves it was synced
  kSealed,    // all of it was synced: a bad frame is damage
};

struct ScanRequest {
  ScanMode mode = ScanMode::kSealed;
  std::uint64_t size = 0;  // bytes to look at: the sealed size, or the file's
  format::SegmentHeader header;
  std::uint64_t last_sequence = 0;     // as sealed; kSealed only
  std::uint64_t synced_elsewhere = 0;  // synced sequence that other segments' marks prove
  bool may_end_in_zeros = false;       // kSealed only: zeros up to the end are no damage
};

// What a scan found out about a whole segment.
struct SegmentScan {
  std::uint64_t end = 0;             // offset behind the last frame that counts
  std::uint64_t synced_end = 0;      // its sync marks prove that what lies before was synced
  std::uint64_t records = 0;         // puts and deletes
  std::uint64_t first_sequence = 0;  // 0: no record
  std::uint64_t last_sequence = 0;   // damaged ones included
  std::uint64_t end_chain = 0;
  std::vector<DamagedRange> damaged;
  // Bytes behind `end` that were never acknowledged as durable. Zeros behind those, up to the end
  // of the file, were written ahead of the log and do not count.
  std::uint64_t tail_size = 0;
  bool tail_has_frames = false;  // whole records among them, behind the torn one
};

// Reads the segment from its first record to its end, in order, handing each put and delete to
// `visit` (the key is valid during the call). Checks every checksum, the density of sequences and
// the hash chain. Errors are those of reading (kIo).
//
// A bad frame that holds sequence n means lost data when a sync mark anywhere says "synced up to n
// or more", and a torn tail otherwise: then nothing from it on was ever acknowledged as durable,
// and what lies behind it, intact or not, does not count (crash or corruption: Alagappan et al.,
// "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018).
Result<SegmentScan> scan_segment(const io::File& file, const ScanRequest& request,
                                 const RecordVisitor& visit);

// The highest synced sequence that sync marks at or behind `offset` prove.
Result<std::uint64_t> find_synced_sequence(SegmentWindow& window, std::uint64_t offset);

}  // namespace kv::engine
