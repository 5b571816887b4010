#include "engine/read_ahead.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace kv::engine {

namespace {

// A system call takes as long as copying some 8 KiB, so what lies between two records is read with
// them up to this, and together up to kSizeMax.
constexpr std::uint64_t kGapMax = 4 * 1024;

std::uint64_t size_of(Place place) {
  return std::max<std::uint64_t>(place.size_hint(), format::kRecordHeaderSize);
}

}  // namespace

void ReadAhead::read(std::span<const Place> places, ReadMode mode) {
  records_.clear();
  for (const Place place : places) records_.push_back({place});
  put_in_order(places);
  const std::size_t size = make_pieces();
  if (size > buffer_size_) {
    buffer_.reset(new char[size]);
    buffer_size_ = size;
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    Piece& piece = pieces_[i];
    const Outcome outcome = read(piece, mode);
    if (outcome == Outcome::kNotRead) return;  // the others would wait as well, most likely
    for (std::size_t j = piece.first; j < piece.first + piece.count; ++j) {
      Record& record = records_[order_[j].number];
      record.outcome = outcome;
      record.piece = i;
    }
  }
}

void ReadAhead::put_in_order(std::span<const Place> places) {
  order_.clear();
  for (std::size_t i = 0; i < places.size(); ++i) order_.push_back({places[i].bits(), i});
  // The bits of a place begin with slot and offset.
  if (!std::ranges::is_sorted(order_, {}, &Ordered::bits)) {
    std::ranges::sort(order_, {}, &Ordered::bits);
  }
}

std::size_t ReadAhead::make_pieces() {
  pieces_.clear();
  std::uint64_t gaps = 0;
  std::size_t with_first = 0;  // the piece that the first place is in
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Place place = Place::from_bits(order_[i].bits);
    const std::uint64_t end = place.offset() + size_of(place);
    if (!pieces_.empty() && pieces_.back().slot == place.slot()) {
      Piece& last = pieces_.back();
      const std::uint64_t last_end = last.offset + last.size;
      const std::uint64_t gap = place.offset() > last_end ? place.offset() - last_end : 0;
      if (gap <= kGapMax && gaps + gap <= kSizeMax) {
        gaps += gap;
        last.size = std::max(last_end, end) - last.offset;
        last.count += 1;
        if (order_[i].number == 0) with_first = pieces_.size() - 1;
        continue;
      }
    }
    if (order_[i].number == 0) with_first = pieces_.size();
    pieces_.push_back({place.slot(), place.offset(), end - place.offset(), 0, i, 1, nullptr});
  }
  if (!pieces_.empty()) std::swap(pieces_.front(), pieces_[with_first]);
  std::size_t size = 0;
  for (Piece& piece : pieces_) {
    piece.at = size;
    size += static_cast<std::size_t>(piece.size);
  }
  return size;
}

ReadAhead::Outcome ReadAhead::read(Piece& piece, ReadMode mode) {
  piece.segment = table_.find(piece.slot);
  if (!piece.segment) return Outcome::kFailed;
  const auto file = table_.file(*piece.segment);
  if (!file) return Outcome::kFailed;
  const auto got = (*file)->read_at(piece.offset, buffer_.get() + piece.at,
                                    static_cast<std::size_t>(piece.size), mode);
  if (!got) {
    return got.error().code == Errc::kWouldBlock ? Outcome::kNotRead : Outcome::kFailed;
  }
  piece.size = *got;  // less at the end of the file
  return Outcome::kRead;
}

Result<RecordView> ReadAhead::record(std::size_t number) const {
  const Record& record = records_[number];
  KV_CHECK(record.outcome == Outcome::kRead);
  const Piece& piece = pieces_[record.piece];
  const auto skipped =
      static_cast<std::size_t>(std::min(record.place.offset() - piece.offset, piece.size));
  const std::string_view bytes(buffer_.get() + piece.at, static_cast<std::size_t>(piece.size));
  return piece.segment->parse(bytes.substr(skipped), record.place);
}

}  // namespace kv::engine
