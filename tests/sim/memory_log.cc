#include "sim/memory_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/digest.h"

namespace kv::sim {

using raft::Entry;
using raft::Point;
using raft::Seq;

std::uint64_t chain_of(std::uint64_t before, const Entry& entry) {
  raft::Digest digest;
  digest.add(before).add(entry.term).add(entry.seq).add(entry.kind).add(entry.digest);
  if (entry.config) digest.add(*entry.config);
  return digest.value();
}

Point LogImage::point_at(Seq seq) const {
  KV_CHECK(seq >= floor.seq && seq <= last_seq());
  return seq == floor.seq ? floor : entry_at(seq).point();
}

bool LogImage::has(const Point& point) const {
  return point.seq >= floor.seq && point.seq <= last_seq() && point_at(point.seq) == point;
}

void LogImage::truncate_from(Seq seq) {
  KV_CHECK(seq > floor.seq && seq <= last_seq() + 1);
  entries.resize(seq - floor.seq - 1);
}

void LogImage::compact(Seq seq) {
  KV_CHECK(seq <= last_seq());
  while (floor.seq < seq) {
    if (entries.front().config) floor_config = entries.front().config;
    floor = entries.front().point();
    entries.pop_front();
  }
}

std::vector<raft::ConfigAt> LogImage::configs() const {
  std::vector<raft::ConfigAt> configs = {{floor.seq, floor_config}};
  for (const Entry& entry : entries) {
    if (entry.config) configs.push_back({entry.seq, entry.config});
  }
  return configs;
}

MemoryLog::MemoryLog(std::shared_ptr<const raft::Config> first_config) {
  written_.floor = {.term = 0, .seq = 0, .chain = 1};
  written_.floor_config = std::move(first_config);
  synced_ = written_;
}

Seq MemoryLog::term_start(Seq seq) const {
  const raft::Term term = point_at(seq).term;
  while (seq - 1 > written_.floor.seq && point_at(seq - 1).term == term) --seq;
  return seq;
}

raft::Extent MemoryLog::extent(Seq first, Seq last, std::uint64_t bytes_max) const {
  raft::Extent fits{.last = first, .bytes = written_.entry_at(first).size};
  while (fits.last < last && fits.bytes + written_.entry_at(fits.last + 1).size <= bytes_max) {
    fits.bytes += written_.entry_at(++fits.last).size;
  }
  return fits;
}

std::uint64_t MemoryLog::extend_chain(std::uint64_t chain, const Entry& entry) const {
  return chain_of(chain, entry);
}

void MemoryLog::apply(LogImage& image, const Write& write, std::size_t entries) {
  if (write.install) {
    image.floor = write.install->point;
    image.floor_config = write.install->config;
    image.entries.clear();
  }
  // A record overrides those from its number on; nothing is cut off before it is written.
  if (entries == 0) return;
  if (write.truncate_from) image.truncate_from(*write.truncate_from);
  for (std::size_t i = 0; i < entries; ++i) {
    KV_CHECK(write.append[i].seq == image.last_seq() + 1);
    image.entries.push_back(write.append[i]);
  }
}

void MemoryLog::write(const raft::Ready& ready) {
  Write write{ready.install, ready.truncate_from, ready.append, ready.log_write};
  KV_CHECK(!write.truncate_from || !write.append.empty());
  apply(written_, write, write.append.size());
  pending_.push_back(std::move(write));
}

std::vector<raft::LogWrite> MemoryLog::sync_oldest() {
  KV_CHECK(!pending_.empty());
  const Write write = std::move(pending_.front());
  pending_.pop_front();
  apply(synced_, write, write.append.size());
  std::vector<raft::LogWrite> done;
  if (write.install) done.push_back(write.install->write);
  if (write.log_write) done.push_back(*write.log_write);
  return done;
}

void MemoryLog::fold_unsynced(raft::Digest& digest) const {
  for (const Write& write : pending_) {
    if (write.install) digest.add(write.install->point);
    digest.add(write.truncate_from.value_or(0)).add(write.append.size());
    for (const Entry& entry : write.append) digest.add(entry.point());
    if (write.log_write) digest.add(write.log_write->epoch);
  }
}

void MemoryLog::compact(Seq seq) {
  written_.compact(seq);
  synced_.compact(seq);
}

void MemoryLog::crash(io::SimRandom& random) {
  std::uint64_t kept = random.below(pending_.size() + 1);
  for (; kept > 0; --kept) sync_oldest();
  if (!pending_.empty() && !pending_.front().install && random.chance(50)) {
    const std::size_t count = pending_.front().append.size();
    apply(synced_, pending_.front(), random.below(count + 1));
  }
  lose_unsynced();
}

void MemoryLog::crash_keeping(std::size_t kept) {
  for (; kept > 0; --kept) sync_oldest();
  lose_unsynced();
}

void MemoryLog::lose_unsynced() {
  pending_.clear();
  written_ = synced_;
}

void MemoryLog::damage_from(Seq seq) {
  KV_CHECK(pending_.empty());
  synced_.truncate_from(seq);
  written_ = synced_;
}

}  // namespace kv::sim
