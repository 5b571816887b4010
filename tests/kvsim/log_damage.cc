// Disks that come back from a power cut with other bytes than were on them: in the newest records
// of the log, though a mark behind them says that they were synced, in hints, and in a copy of
// HARDSTATE. One machine at a time, until it has all again that it lost, so that the others have
// it.

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "engine/segment_window.h"
#include "format/names.h"
#include "kvsim/cluster.h"

namespace kv::kvsim {

namespace {

constexpr std::uint64_t kSector = 512;

struct Frame {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t sequence = 0;
};

// The records of which a start can tell that they were there. What no mark tells of may as well
// never have been synced.
std::vector<Frame> find_proven(io::FileSystem& fs, const std::string& path, std::uint64_t salt) {
  std::vector<Frame> records;
  const auto file = fs.open(path, io::OpenMode::kRead);
  if (!file) return records;
  const auto size = (*file)->size();
  KV_CHECK(size.has_value());
  engine::SegmentWindow window(**file, *size, salt);
  std::uint64_t synced = 0;
  std::uint64_t at = format::kSegmentHeaderSize;
  while (at < *size) {
    const auto frame = window.next_intact(at, at);
    KV_CHECK(frame.has_value());
    if (at >= *size) break;
    const std::uint64_t bytes = format::record_size(frame->header);
    if (frame->header.type != format::RecordType::kSyncMark) {
      records.push_back({path, at, bytes, frame->header.sequence});
    } else if (const auto mark = format::decode_sync_mark(frame->body.substr(0, bytes))) {
      synced = std::max(synced, mark->synced_sequence);
    }
    at += bytes;
  }
  std::erase_if(records, [&](const Frame& record) { return record.sequence > synced; });
  return records;
}

std::string bytes_at(io::FileSystem& fs, const std::string& path, std::uint64_t offset,
                     std::uint64_t size) {
  const auto file = fs.open(path, io::OpenMode::kRead);
  KV_CHECK(file.has_value());
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const auto got = (*file)->read_at(offset, bytes.data(), bytes.size());
  KV_CHECK(got.has_value());
  bytes.resize(*got);
  return bytes;
}

// A bit, zeros, or a part of a sector that belongs elsewhere; no further than the record goes, as
// behind it may lie what proves that it was there.
void change(io::SimFileSystem& fs, io::SimRandom& random, const Frame& record) {
  const std::uint64_t first = record.offset + random.below(record.size);
  const std::uint64_t end = std::min(record.offset + record.size, (first / kSector + 1) * kSector);
  switch (random.below(3)) {
    case 0:
      return fs.flip(record.path, first, static_cast<char>(1 << random.below(8)));
    case 1:
      for (std::uint64_t at = first; at < end; ++at) fs.put_byte(record.path, at, '\0');
      return;
    default:
      const std::uint64_t from = random.below(first / kSector + 1) * kSector + first % kSector;
      const std::string elsewhere = bytes_at(fs, record.path, from, end - first);
      for (std::size_t i = 0; i < elsewhere.size(); ++i) {
        fs.put_byte(record.path, first + i, elsewhere[i]);
      }
  }
}

}  // namespace

// Of what the log's newest segments had when the power went.
bool Machine::damage(io::SimRandom& random) {
  if (is_up() || !may_be_damaged_) return false;
  const Look undisturbed(*this);
  std::vector<Frame> records;
  for (const auto& [path, salt] : open_segments_) {
    const auto proven = find_proven(fs_, path, salt);
    records.insert(records.end(), proven.begin(), proven.end());
  }
  const auto names = fs_.list(kPath);
  KV_CHECK(names.has_value());
  for (const std::string& name : *names) {
    if ((name != format::kHardStateName && !name.ends_with(".hint")) || !random.chance(30))
      continue;
    const std::string path = std::string(kPath) + "/" + name;
    const std::string bytes = bytes_at(fs_, path, 0, 1 << 20);
    if (bytes.empty()) continue;
    fs_.flip(path, random.below(bytes.size()), static_cast<char>(1 << random.below(8)));
  }
  may_be_damaged_ = false;
  if (records.empty()) return false;
  change(fs_, random, records[random.below(records.size())]);
  is_damaged_ = true;
  had_ = durable_end_;
  had_chains_ = durable_;
  return true;
}

// Rule 3.11: what it had on its disk it has, or it says that it had something as good.
void Machine::check_claim() {
  const raft::Position claimed = hard_state().claimed_last;
  const raft::Position last = core().last().position();
  if (std::max(claimed, last) < had_.position()) {
    cluster_.report(fmt::format(
        "machine {} had record {} of term {} on its disk before it was "
        "damaged, has up to {} of term {} and claims {} of term {}",
        index_ + 1, had_.seq, had_.term, last.seq, last.term, claimed.seq, claimed.term));
  }
  if (claimed != raft::Position{}) return;
  is_damaged_ = false;
  had_chains_.clear();
}

void Cluster::damage(std::size_t machine) {
  if (!options_.has_log_damage || is_calm_ || wiped_ || !damage_random_.chance(80)) return;
  if (std::ranges::any_of(machines_, [](const auto& one) { return one->is_damaged(); })) return;
  // What it alone had, and claims, is in nobody's way if the others are a majority.
  if (options_.spares > 0) {
    if (!reference().leads()) return;
    const auto& members = reference().memberships().latest().membership.members;
    if (std::ranges::count(members, format::MemberRole::kVoter, &format::Member::role) < 3) return;
  }
  if (machines_[machine]->damage(damage_random_)) outcome_.damaged += 1;
}

}  // namespace kv::kvsim
