#include "engine/read_ahead.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/check.h"

namespace kv::engine {

namespace {

// A system call takes as long as copying some 8 KiB, so what lies between two records is read with
// them up to this, and together up to kSizeMax.
constexpr std::uint64_t kGapMax = 4 * 1024;
// A merge leaves its output in order, so neighbours in key order are neighbours in few segments.
// Records that lie in more pieces than this are sorted.
constexpr std::size_t kPiecesUnsortedMax = 32;

std::uint64_t end_of(Place place) {
  return place.offset() + std::max<std::uint64_t>(place.size_hint(), format::kRecordHeaderSize);
}

}  // namespace

void ReadAhead::read(std::span<const Place> places, ReadMode mode) {
  records_.clear();
  for (const Place place : places) records_.push_back({place, 0});
  if (records_.empty()) return;
  if (!make_pieces()) make_pieces_sorted();
  make_room();
  // What would have to wait ends it: the others would as well, most likely.
  const std::size_t first = records_.front().piece;
  pieces_[first].outcome = read(pieces_[first], mode);
  if (pieces_[first].outcome == Outcome::kNotRead) return;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (i == first) continue;
    pieces_[i].outcome = read(pieces_[i], mode);
    if (pieces_[i].outcome == Outcome::kNotRead) return;
  }
}

// False: there are too many pieces, because the records are not in order.
bool ReadAhead::make_pieces() {
  pieces_.clear();
  gaps_ = 0;
  for (Record& record : records_) {
    std::size_t number = pieces_.size();
    while (number > 0 && !join(pieces_[number - 1], record.place)) --number;
    if (number == 0) {
      if (pieces_.size() == kPiecesUnsortedMax) return false;
      pieces_.push_back({record.place.slot(), record.place.offset(), end_of(record.place), 0,
                         Outcome::kNotRead, nullptr});
      number = pieces_.size();
    }
    record.piece = number - 1;
  }
  return true;
}

void ReadAhead::make_pieces_sorted() {
  pieces_.clear();
  gaps_ = 0;
  order_.resize(records_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  // The bits of a place begin with slot and offset.
  std::ranges::sort(order_, {}, [this](std::size_t i) { return records_[i].place.bits(); });
  for (const std::size_t i : order_) {
    Record& record = records_[i];
    if (pieces_.empty() || !join(pieces_.back(), record.place)) {
      pieces_.push_back({record.place.slot(), record.place.offset(), end_of(record.place), 0,
                         Outcome::kNotRead, nullptr});
    }
    record.piece = pieces_.size() - 1;
  }
}

// Makes the piece reach over the place, too, if it lies next to it.
bool ReadAhead::join(Piece& piece, Place place) {
  if (piece.slot != place.slot()) return false;
  const std::uint64_t begin = place.offset();
  const std::uint64_t end = end_of(place);
  const std::uint64_t gap = begin > piece.end   ? begin - piece.end
                            : end < piece.begin ? piece.begin - end
                                                : 0;
  if (gap > kGapMax || gaps_ + gap > kSizeMax) return false;
  gaps_ += gap;
  piece.begin = std::min(piece.begin, begin);
  piece.end = std::max(piece.end, end);
  return true;
}

void ReadAhead::make_room() {
  std::size_t size = 0;
  for (Piece& piece : pieces_) {
    piece.at = size;
    size += static_cast<std::size_t>(piece.end - piece.begin);
  }
  if (size <= buffer_size_) return;
  buffer_.reset(new char[size]);
  buffer_size_ = size;
}

ReadAhead::Outcome ReadAhead::read(Piece& piece, ReadMode mode) {
  piece.segment = table_.find(piece.slot);
  if (!piece.segment) return Outcome::kFailed;
  const auto file = table_.file(*piece.segment);
  if (!file) return Outcome::kFailed;
  const auto got = (*file)->read_at(piece.begin, buffer_.get() + piece.at,
                                    static_cast<std::size_t>(piece.end - piece.begin), mode);
  if (!got) {
    return got.error().code == Errc::kWouldBlock ? Outcome::kNotRead : Outcome::kFailed;
  }
  piece.end = piece.begin + *got;  // less at the end of the file
  return Outcome::kRead;
}

Result<RecordView> ReadAhead::record(std::size_t number) const {
  const Place place = records_[number].place;
  const Piece& piece = pieces_[records_[number].piece];
  KV_CHECK(piece.outcome == Outcome::kRead);
  const std::uint64_t begin = std::min(place.offset(), piece.end);
  const std::uint64_t end = std::min(end_of(place), piece.end);
  auto record = piece.segment->parse(
      {buffer_.get() + piece.at + (begin - piece.begin), static_cast<std::size_t>(end - begin)},
      place);
  if (!record) ++piece.segment->failed_reads;
  return record;
}

}  // namespace kv::engine
