#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/place.h"
#include "engine/segment.h"
#include "engine/segment_table.h"
#include "kv/result.h"
#include "kv/store.h"

namespace kv::engine {

// Records read together, before they are asked for one by one. Those that lie close to each other
// come in one read; after a merge, which orders them by key, that is all of a scan's next ones.
// Holds at most twice kSizeMax bytes. One thread.
class ReadAhead {
 public:
  static constexpr std::uint64_t kSizeMax = 64 * 1024;        // of the records read together
  static constexpr std::uint64_t kRecordSizeMax = 16 * 1024;  // larger ones are to be read alone

  enum class Outcome {
    kNotRead,  // nobody tried, or it would have had to wait
    kRead,
    kFailed,  // try it alone, to hear why
  };

  explicit ReadAhead(SegmentTable& table) : table_(table) {}

  // Forgets what it holds, and reads the records at `places`: of kSizeMax at most together, by what
  // the places say. kNoWait: reads what can be read without waiting; the first place's comes first.
  void read(std::span<const Place> places, ReadMode mode);
  void forget() { records_.clear(); }
  // Of the record at places[number]. One that was never asked for is kNotRead.
  Outcome outcome(std::size_t number) const {
    return number < records_.size() ? pieces_[records_[number].piece].outcome : Outcome::kNotRead;
  }
  // Verified; kRead only. The views hold until the next read().
  Result<RecordView> record(std::size_t number) const;

 private:
  // What is read in one go: a part of a segment, and where it goes.
  struct Piece {
    std::uint32_t slot = 0;
    std::uint64_t begin = 0;  // in the segment
    std::uint64_t end = 0;
    std::size_t at = 0;  // in buffer_
    Outcome outcome = Outcome::kNotRead;
    std::shared_ptr<Segment> segment;
  };
  struct Record {
    Place place;
    std::size_t piece = 0;
  };

  bool make_pieces();         // of records that are in order, but for a few places where they leap
  void make_pieces_sorted();  // of any
  bool join(Piece& piece, Place place);
  void make_room();
  Outcome read(Piece& piece, ReadMode mode);

  SegmentTable& table_;
  std::vector<Piece> pieces_;
  std::vector<Record> records_;
  std::vector<std::size_t> order_;  // the records as they lie in the files
  std::uint64_t gaps_ = 0;          // bytes between records that lie in one piece
  std::unique_ptr<char[]> buffer_;
  std::size_t buffer_size_ = 0;
};

}  // namespace kv::engine
