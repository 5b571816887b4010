// Disks that change what was written to them.

#include <algorithm>

#include "base/check.h"
#include "kvsim/cluster.h"

namespace kv::kvsim {

void Machine::rot() {
  if (!is_up() || !fs_.is_on()) return;
  const std::uint64_t floor = store_->log_floor().sequence;
  // Of the log what others have on their disks.
  const std::uint64_t sound_elsewhere = cluster_.options().has_log_damage ? floor : core().commit();
  std::vector<engine::Place> places;
  engine::IndexWindow window;
  store_->index().scan({"", {}, false}, store_->pipeline().snapshot([] {}), SIZE_MAX, window);
  for (const engine::Place place : window.places()) {
    const auto segment = store_->segments().find(place.slot());
    if (!segment || !segment->is_sealed) continue;
    if (segment->last_sequence <= sound_elsewhere) places.push_back(place);
  }
  if (places.empty()) return;
  const engine::Place place = places[rot_random_.below(places.size())];
  const std::string path = store_->segments().find(place.slot())->path();
  auto file = fs_.open(path, io::OpenMode::kRead);
  KV_CHECK(file.has_value());
  // A bit, or as much as a sector. Of the log a key: one that cannot be walked ends a process.
  const bool is_log = store_->segments().find(place.slot())->last_sequence > floor;
  const std::uint64_t size =
      is_log || rot_random_.chance(50) ? 1 : 1 + rot_random_.below(place.size_hint());
  const std::uint64_t first =
      place.offset() +
      (is_log ? format::kRecordHeaderSize : rot_random_.below(format::kRecordHeaderSize + 2));
  const std::uint64_t end = std::min(first + size, place.offset() + place.size_hint());
  for (std::uint64_t at = first; at < end; ++at) {
    char written = 0;
    const auto got = (*file)->read_at(at, &written, 1);
    if (!got || *got == 0) break;
    rotten_.push_back({path, at, written});
    fs_.flip(path, at, static_cast<char>(1 << rot_random_.below(8)));
  }
  cluster_.outcome().rotten += 1;
}

void Machine::undo_rot() {
  for (const Rotten& one : std::exchange(rotten_, {})) {
    // What was put back and not synced is right in memory alone.
    const auto is_there = fs_.exists(one.path);
    if (is_there && *is_there) fs_.put_byte(one.path, one.offset, one.written);
  }
  if (!is_up()) return;
  // A merge that met it marked the segment for good.
  for (const auto& segment : *store_->segments().all()) {
    if (segment->is_sealed && segment->is_damaged) [[maybe_unused]]
      const auto is_sound = store_->recheck(segment->id());
  }
}

std::vector<engine::RecordRepair::Loss> Machine::losses() const {
  engine::RecordRepair::Search search;
  for (const auto& segment : *store_->segments().all()) {
    if (segment->is_sealed) search.segments.push_back(segment);
  }
  while (!search.is_over) {
    store_->record_repair().find_some(search, store_->pipeline().snapshot([] {}));
  }
  return search.found;
}

bool Machine::has_losses() const {
  if (!is_up() || rotten_.empty()) return false;
  const auto found = losses();
  for (const auto& loss : found) KV_CHECK(!store_->get(loss.key, ReadMode::kMayBlock));
  return !found.empty();
}

void Machine::on_repair(const node::RepairNews& news) {
  cluster_.outcome().put_back += news.put_back;
}

// As a server's host does. Repairs and comparisons need it.
void Machine::ask_what_is_whole() {
  const bool is_wanted = cluster_.options().has_rot || cluster_.options().compare_us != 0;
  if (!is_wanted || is_asking_ || replica_->is_whole()) return;
  const std::uint64_t number = next_read_++;
  reads_[number] = {"whole", [this](const auto&) { is_asking_ = false; }, std::nullopt};
  is_asking_ = true;
  if (replica_->read_index(number, now())) return;
  reads_.erase(number);
  is_asking_ = false;
}

}  // namespace kv::kvsim
