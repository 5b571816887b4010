#include "raft/log_view.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kv::raft {

LogView::LogView(const Log& log)
    : log_(&log), floor_(log.floor()), stable_(log.last()), handed_(stable_.seq) {
  KV_CHECK(floor_.seq <= stable_.seq);
}

LogView::LogView(const LogView& other, const Log& log) : LogView(other) { log_ = &log; }

const Entry& LogView::tail_at(Seq seq) const {
  KV_CHECK(seq > stable_.seq);
  KV_CHECK(seq - stable_.seq <= tail_.size());
  return tail_[seq - stable_.seq - 1];
}

Point LogView::point_at(Seq seq) const {
  KV_CHECK(seq >= floor_.seq);
  if (seq == floor_.seq) return floor_;
  if (seq == stable_.seq) return stable_;
  if (seq > stable_.seq) return tail_at(seq).point();
  return log_->point_at(seq);
}

bool LogView::has(const Point& point) const {
  return point.seq >= floor_.seq && point.seq <= last().seq && point_at(point.seq) == point;
}

Seq LogView::term_start(Seq seq) const {
  if (seq <= floor_.seq) return seq;
  const Term term = point_at(seq).term;
  while (seq > stable_.seq) {
    if (point_at(seq - 1).term != term || seq - 1 == floor_.seq) return seq;
    --seq;
  }
  return std::max(log_->term_start(seq), floor_.seq + 1);
}

Extent LogView::extent(Seq first, std::uint64_t records_max, std::uint64_t bytes_max) const {
  KV_CHECK(first > floor_.seq && first <= last().seq);
  const Seq end = first + std::min(records_max - 1, last().seq - first);
  Extent fits{.last = first - 1};
  if (first <= stable_.seq) {
    fits = log_->extent(first, std::min(end, stable_.seq), bytes_max);
    if (fits.last < stable_.seq) return fits;
  }
  while (fits.last < end) {
    const std::uint64_t size = tail_at(fits.last + 1).size;
    if (fits.last >= first && fits.bytes + size > bytes_max) break;
    fits.bytes += size;
    fits.last += 1;
  }
  KV_CHECK(fits.last >= first);
  return fits;
}

std::uint64_t LogView::extend_chain(const Entry& entry) const {
  return log_->extend_chain(last().chain, entry);
}

std::uint64_t LogView::size_in_tail(Seq seq) const {
  return seq > stable_.seq && seq <= last().seq ? tail_at(seq).size : 0;
}

void LogView::append(Entry entry) {
  KV_CHECK(entry.seq == last().seq + 1);
  KV_CHECK(entry.term >= last().term);
  tail_.push_back(std::move(entry));
}

void LogView::truncate_from(Seq seq) {
  KV_CHECK(seq > floor_.seq && seq <= last().seq);
  if (seq <= stable_.seq) {
    stable_ = point_at(seq - 1);
    tail_.clear();
  } else {
    tail_.resize(seq - stable_.seq - 1);
  }
  rolled_back_from_ = std::min(rolled_back_from_.value_or(seq), seq);
  // What the disk was never told of need not be taken back.
  if (seq > handed_) return;
  truncate_from_ = std::min(truncate_from_.value_or(seq), seq);
  handed_ = seq - 1;
  epoch_ += 1;
}

void LogView::replace(const Point& point) {
  tail_.clear();
  floor_ = stable_ = point;
  handed_ = point.seq;
  truncate_from_.reset();
  rolled_back_from_ = std::min(rolled_back_from_.value_or(point.seq + 1), point.seq + 1);
  epoch_ += 1;
}

void LogView::release(Seq seq) {
  while (!tail_.empty() && tail_.front().seq <= seq) {
    KV_CHECK(tail_.front().seq <= handed_);
    stable_ = tail_.front().point();
    tail_.pop_front();
  }
}

void LogView::compact(Seq seq) {
  if (seq <= floor_.seq) return;
  KV_CHECK(seq <= stable_.seq);
  floor_ = point_at(seq);
}

void LogView::hand_over(Ready& ready) {
  ready.truncate_from = std::exchange(truncate_from_, std::nullopt);
  ready.rolled_back_from = std::exchange(rolled_back_from_, std::nullopt);
  while (handed_ < last().seq) ready.append.push_back(tail_at(++handed_));
  if (!ready.append.empty()) ready.log_write = LogWrite{.last = last(), .epoch = epoch_};
}

}  // namespace kv::raft
