#include "torture/script.h"

#include <array>

#include "base/check.h"
#include "engine/data_directory.h"

namespace kv::torture {

namespace {

std::string value_of(std::size_t size, char letter) { return std::string(size, letter); }

bool put(Life& life, const std::string& key, std::size_t size) {
  return life.put(key, value_of(size, key.back()));
}

bool put_durably(Life& life, const std::string& key, std::size_t size) {
  PlannedWrite planned = plan_put(key, value_of(size, key.back()));
  planned.options.sync = Sync::kDisk;
  return life.write(planned);
}

PlannedWrite some_batch() {
  PlannedWrite planned;
  planned.kind = Write::Kind::kBatch;
  for (const char* key : {"x", "y", "b"}) {
    planned.batch.put(key, value_of(400, 'b'));
    planned.changes.push_back({key, value_of(400, 'b')});
  }
  planned.batch.del("d");
  planned.changes.push_back({"d", std::nullopt});
  return planned;
}

bool group(Life& life) {
  life.submit(plan_put("g", value_of(300, 'g')));
  life.submit(plan_delete("b"));
  life.submit(some_batch());
  life.submit(plan_put("a", value_of(50, 'g')));
  return life.finish_group();
}

// Crosses several segments, and leaves something dead in each.
bool fill(Life& life) {
  return put(life, "a", 100) && put_durably(life, "b", 1'500) && put(life, "t", 60) &&
         life.del("a") && life.write(some_batch()) && put(life, "c", 2'500) && put(life, "b", 10) &&
         put(life, "cold", 300) && life.del("c") && put(life, "d", 4'000) && life.del("t") &&
         put(life, "a", 700) && life.sync() && group(life) && put(life, "e", 4'200) &&
         put(life, "d", 0) && put(life, "f", 900);
}

// What clients do meanwhile: overwrite and delete what the merge copies, and write it again.
bool merge_under_way(Life& life, std::size_t which) {
  static constexpr std::array<std::array<std::uint64_t, 4>, 3> kMoments = {
      {{0, 1, 6, 9}, {2, 4, 8, 14}, {3, 10, 12, 20}}};
  const std::vector<PlannedWrite> writes = {plan_put("cold", value_of(20, 'n')), plan_delete("x"),
                                            plan_put("y", value_of(30, 'n')),
                                            plan_put("cold", value_of(10, 'm'))};
  std::size_t next = 0;
  return life.merge(kMoments[which], [&] {
    PlannedWrite planned = writes[next++];
    // What is gone already is not deleted again.
    if (planned.kind == Write::Kind::kDelete && !life.model().newest().contains(planned.key)) {
      planned = plan_put(planned.key, "again");
    }
    return planned;
  });
}

bool write_and_merge(Life& life) {
  return life.open() && fill(life) && life.take_snapshot() && merge_under_way(life, 0) &&
         life.check_snapshots() && life.check() && life.checkpoint() && life.del("cold") &&
         fill(life) && life.merge() && life.checkpoint() && life.check();
}

bool write_and_reopen(Life& life) {
  return life.open() && fill(life) && life.close() && life.open() && life.check() && fill(life) &&
         life.del("e") && life.checkpoint() && merge_under_way(life, 1) && life.close() &&
         life.open() && life.check() && merge_under_way(life, 2) && put(life, "z", 100);
}

// The process dies, and the next one finds what the system has in memory.
bool write_and_die(Life& life) {
  if (!life.open() || !fill(life) || !life.checkpoint() || !life.merge()) return false;
  life.restart({io::CrashMode::kKeepCache, 0});
  if (!life.open()) return false;
  life.check_start();
  if (!life.goes_on() || !fill(life)) return false;
  life.restart({io::CrashMode::kKeepCache, 0});
  if (!life.open()) return false;
  life.check_start();
  return life.goes_on() && put(life, "z", 100) && life.merge();
}

bool open_and_write(Life& life) {
  return life.open() && fill(life) && life.close() && life.open() && life.check();
}

Life::Settings settings_with(Sync sync) {
  Life::Settings settings;
  settings.sync = sync;
  settings.open_segments_max = 2;
  settings.value_cache_max = 0;  // every check reads the disk
  return settings;
}

std::vector<Script> make_scripts() {
  return {{"merge", settings_with(Sync::kNone), {}, write_and_merge},
          {"merge-synced", settings_with(Sync::kDisk), {}, write_and_merge},
          {"reopen", settings_with(Sync::kNone), {}, write_and_reopen},
          {"reopen-synced", settings_with(Sync::kDisk), {}, write_and_reopen},
          {"die", settings_with(Sync::kNone), {}, write_and_die},
          {"rewrite", settings_with(Sync::kNone), disk_with_long_manifest(),
           [](Life& life) { return life.open(); }},
          {"long-manifest", settings_with(Sync::kNone), disk_with_long_manifest(), open_and_write}};
}

}  // namespace

const std::vector<Script>& scripts() {
  static const std::vector<Script> all = make_scripts();
  return all;
}

io::SimDisk disk_with_long_manifest() {
  constexpr int kEdits = 800;
  io::SimFileSystem machine(1);
  auto dir = engine::DataDirectory::open(machine, Life::kDirectory, "", true, nullptr);
  KV_CHECK(dir.has_value());
  for (int i = 0; i < kEdits; ++i) {
    const auto id = static_cast<format::SegmentId>((*dir)->manifest().state().next_segment);
    const format::Edit edits[] = {format::AddSegment{id, format::SegmentKind::kLog, 1},
                                  format::SealSegment{id, 0, 0, 0, 0, 0},
                                  format::MergeSegments{{id}, {}, 0}};
    KV_CHECK((*dir)->manifest().append(edits).has_value());
  }
  dir->reset();
  machine.lose_power();
  machine.restart(io::CrashMode::kLoseUnsynced);
  return machine.disk();
}

}  // namespace kv::torture
