#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "io/sim_random.h"
#include "raft/digest.h"
#include "raft/log.h"
#include "raft/ready.h"
#include "raft/settings.h"

namespace kv::sim {

// A log as some medium holds it.
struct LogImage {
  raft::Point floor;
  std::shared_ptr<const raft::Config> floor_config;
  std::deque<raft::Entry> entries;  // from floor.seq + 1 on

  raft::Seq last_seq() const { return floor.seq + entries.size(); }
  // floor.seq <= seq <= last_seq().
  raft::Point point_at(raft::Seq seq) const;
  bool has(const raft::Point& point) const;
  const raft::Entry& entry_at(raft::Seq seq) const { return entries[seq - floor.seq - 1]; }
  void truncate_from(raft::Seq seq);
  void compact(raft::Seq seq);
  // As Boot wants them.
  std::vector<raft::ConfigAt> configs() const;
};

// A log in memory that knows what of it a crash would leave: writes are given to the disk in order
// and synced in order, and a crash keeps some of those not synced, the last one perhaps in part.
class MemoryLog : public raft::Log {
 public:
  explicit MemoryLog(std::shared_ptr<const raft::Config> first_config);

  raft::Point floor() const override { return written_.floor; }
  raft::Point last() const override { return written_.point_at(written_.last_seq()); }
  raft::Point point_at(raft::Seq seq) const override { return written_.point_at(seq); }
  raft::Seq term_start(raft::Seq seq) const override;
  raft::Extent extent(raft::Seq first, raft::Seq last, std::uint64_t bytes_max) const override;
  std::uint64_t extend_chain(std::uint64_t chain, const raft::Entry& entry) const override;

  // The log's part of a Ready, once it has one.
  void write(const raft::Ready& ready);
  // The oldest write is on the disk: what to tell the core of it, in order.
  std::vector<raft::LogWrite> sync_oldest();
  void compact(raft::Seq seq);
  void crash(io::SimRandom& random);
  // The same, and nothing unsynced is kept.
  void lose_unsynced();
  // So many of the oldest unsynced writes are kept.
  void crash_keeping(std::size_t kept);
  // Records from `seq` on turn out to be unreadable, after a crash.
  void damage_from(raft::Seq seq);

  const LogImage& written() const { return written_; }
  const LogImage& synced() const { return synced_; }
  std::size_t unsynced() const { return pending_.size(); }
  void fold_unsynced(raft::Digest& digest) const;

 private:
  struct Write {
    std::optional<raft::Install> install;
    std::optional<raft::Seq> truncate_from;
    std::vector<raft::Entry> append;
    std::optional<raft::LogWrite> log_write;
  };
  static void apply(LogImage& image, const Write& write, std::size_t entries);

  LogImage written_;
  LogImage synced_;
  std::deque<Write> pending_;
};

// The chain behind `entry`, whose own is not set yet.
std::uint64_t chain_of(std::uint64_t before, const raft::Entry& entry);

}  // namespace kv::sim
