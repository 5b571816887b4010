#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "raft/log.h"
#include "raft/ready.h"

namespace kv::raft {

// The log as the core sees it: what the driver's Log holds, and behind it the tail, those records
// that are not yet both durable and committed. Knows what the disk has still to be told.
//
//   floor_         stable_               handed_              last()
//     |-- in Log -----|-- tail, given to the disk --|-- tail, for the next Ready --|
//
// Invariant: the tail is dense and its chain unbroken; floor_.seq <= stable_.seq <= last().seq.
class LogView {
 public:
  explicit LogView(const Log& log);
  LogView(const LogView& other, const Log& log);

  const Point& floor() const { return floor_; }
  Point last() const { return tail_.empty() ? stable_ : tail_.back().point(); }
  // floor().seq <= seq <= last().seq.
  Point point_at(Seq seq) const;
  bool has(const Point& point) const;
  // As Log::term_start.
  Seq term_start(Seq seq) const;
  Extent extent(Seq first, std::uint64_t records_max, std::uint64_t bytes_max) const;
  std::uint64_t extend_chain(const Entry& entry) const;
  const std::deque<Entry>& tail() const { return tail_; }
  // Of a record in the tail; 0 for one that is not.
  std::uint64_t size_in_tail(Seq seq) const;

  void append(Entry entry);
  // Rule R4: what stands from `seq` on is overridden.
  void truncate_from(Seq seq);
  // The state as of `point` takes the place of everything.
  void replace(const Point& point);
  // The records up to `seq` are durable and committed: from here on the Log is asked for them.
  void release(Seq seq);
  // Records up to `seq` were given up.
  void compact(Seq seq);

  // Counts the changes that took records away: a completion of the disk from before the last one
  // says nothing of the log as it is now (rule R5).
  std::uint64_t epoch() const { return epoch_; }
  // Moves what the disk has to be told into `ready`.
  void hand_over(Ready& ready);
  // What was handed over so far, and from where on what was is overridden.
  Seq handed() const { return handed_; }
  const std::optional<Seq>& truncated_from() const { return truncate_from_; }
  bool has_news() const { return handed_ < last().seq || truncate_from_.has_value(); }

 private:
  const Entry& tail_at(Seq seq) const;

  const Log* log_;
  Point floor_;
  Point stable_;
  std::deque<Entry> tail_;
  Seq handed_;
  std::optional<Seq> truncate_from_;
  std::optional<Seq> rolled_back_from_;
  std::uint64_t epoch_ = 0;
};

}  // namespace kv::raft
