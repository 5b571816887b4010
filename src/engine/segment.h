#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/place.h"
#include "format/record.h"
#include "format/segment.h"
#include "io/file_system.h"
#include "kv/result.h"
#include "kv/store.h"

namespace kv::engine {

// A record as it was read. The views point into the buffer given to Segment::read.
struct RecordView {
  format::RecordHeader header;
  std::string_view key;
  std::string_view value;
};

// One segment file as readers see it. Its descriptor may be closed and opened again behind it
// (SegmentTable bounds how many are open). Shared by whoever reads it; any thread.
class Segment {
 public:
  Segment(std::uint32_t slot, std::string path, format::SegmentId id, format::SegmentKind kind,
          std::uint64_t salt)
      : slot_(slot), path_(std::move(path)), id_(id), kind_(kind), salt_(salt) {}

  std::uint32_t slot() const { return slot_; }
  const std::string& path() const { return path_; }
  format::SegmentId id() const { return id_; }
  format::SegmentKind kind() const { return kind_; }
  std::uint64_t salt() const { return salt_; }

  // Reads and verifies the record at `place` (a whole record or a member of a batch) through
  // `file`, this segment's. kCorruption names file and offset; kWouldBlock as ReadMode says.
  Result<RecordView> read(const io::File& file, Place place, ReadMode mode,
                          std::string& buffer) const;
  // The same out of bytes that are read already, from the record's first one on and as many as
  // there are.
  Result<RecordView> parse(std::string_view bytes, Place place) const;
  // Its header alone, verified: enough for the version. `buffer` is scratch.
  Result<format::RecordHeader> read_header(const io::File& file, Place place, ReadMode mode) const;

  // Counters, kept by the commit pipeline and by recovery. Live bytes are known to 1/64.
  std::atomic<std::uint64_t> size{0};     // bytes written, header included
  std::atomic<std::uint64_t> records{0};  // puts and deletes; members of batches count one each
  std::atomic<std::int64_t> live_bytes{0};
  std::atomic<std::uint64_t> first_sequence{0};
  std::atomic<std::uint64_t> last_sequence{0};
  std::atomic<bool> is_sealed{false};
  std::atomic<std::uint64_t> delete_bytes{0};  // of the deletes among its records
  // A merge found that its deletes still hide older records elsewhere; see Merger.
  std::atomic<bool> needs_deletes{false};
  std::atomic<bool> is_damaged{false};  // has a quarantined range: never merged
  // It was damaged when it was loaded: the index may lack records that are in it, until the store
  // is opened again.
  std::atomic<bool> is_incomplete{false};
  // Reads by clients that found other bytes than were written.
  std::atomic<std::uint64_t> failed_reads{0};

 private:
  friend class SegmentTable;
  Error damaged(std::uint64_t offset, std::string_view what) const;

  const std::uint32_t slot_;
  const std::string path_;
  const format::SegmentId id_;
  const format::SegmentKind kind_;
  const std::uint64_t salt_;

  // The table's: an open descriptor, and whether it was used since the table's hand last came by.
  std::mutex file_mutex_;
  std::shared_ptr<io::File> file_;
  std::atomic<bool> was_used_{false};
};

}  // namespace kv::engine
