#include "engine/backup.h"

#include <filesystem>
#include <string>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "engine/data_directory.h"
#include "engine/store_impl.h"
#include "kv/store.h"
#include "tests/unit/engine/support/stopped_database.h"

namespace stdfs = std::filesystem;

namespace {

struct BackedUp : kv::test::StoppedDatabase {
  std::string backup = scratch.path() + "/backup";
  std::string restored = scratch.path() + "/restored";
  kv::Options options;

  BackedUp() {
    options.segment_size_max = 4096;
    options.merges_automatically = false;
  }
  kv::Store open(const std::string& where) const {
    auto store = kv::Store::open(where, options);
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : describe(store.error())));
    return std::move(*store);
  }
  kv::BackupSummary make(kv::Store& store, bool may_link = true) const {
    kv::BackupOptions how;
    how.may_link = may_link;
    const auto made = store.backup(backup, how);
    REQUIRE_MESSAGE(made.has_value(), (made ? "" : describe(made.error())));
    return *made;
  }
  void restore() const {
    const auto done = kv::restore_backup(backup, restored);
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : describe(done.error())));
  }
  static std::map<std::string, kv::Version> state(const kv::Store& store) {
    std::map<std::string, kv::Version> all;
    kv::Cursor cursor = store.range({});
    for (;;) {
      auto step = cursor.next();
      REQUIRE(step.has_value());
      if (*step != kv::Cursor::Step::kItem) return all;
      all[cursor.item().key + "=" + cursor.item().value] = cursor.item().version;
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(BackedUp, "a backup of an open store holds all that was acknowledged before it") {
  kv::Store store = open(path);
  REQUIRE(store.put("just", "now").has_value());
  const auto before = state(store);
  const auto summary = make(store);
  CHECK(summary.version == store.stats().last_version);
  CHECK(summary.linked == summary.files);
  CHECK(kv::verify_backup(backup)->findings.empty());
  REQUIRE(store.put("later", "x").has_value());
  REQUIRE(store.del("just").has_value());
  restore();
  CHECK(kv::verify(restored)->findings.empty());
  CHECK(state(open(restored)) == before);
}

TEST_CASE_FIXTURE(BackedUp, "what is restored is another node, in no cluster") {
  const auto identity_in = [](const std::string& where) {
    auto dir =
        kv::engine::DataDirectory::open(kv::io::posix_file_system(), where, "", false, nullptr);
    REQUIRE(dir.has_value());
    return (*dir)->identity();
  };
  {
    auto dir =
        kv::engine::DataDirectory::open(kv::io::posix_file_system(), path, "", false, nullptr);
    REQUIRE(dir.has_value());
    REQUIRE((*dir)->join_cluster(kv::base::Uuid{1, 2}, 3).has_value());
  }
  // Nobody writes to it alone.
  CHECK(kv::Store::open(path, options).error().code == kv::Errc::kInvalidArgument);
  {
    auto& fs = kv::io::posix_file_system();
    auto impl = kv::StoreImpl::open(fs, path, options, kv::Background::kThreads, kv::Replicated{});
    REQUIRE(impl.has_value());
    kv::Store store = kv::StoreImpl::wrap(std::move(*impl));
    make(store);
  }
  restore();
  const auto original = identity_in(path);
  const auto copy = identity_in(restored);
  CHECK(original.node_id == 3);
  CHECK(copy.database_id == original.database_id);
  CHECK(copy.node_uuid != original.node_uuid);
  CHECK(copy.cluster_id.is_nil());
  CHECK(copy.node_id == 0);
}

TEST_CASE_FIXTURE(BackedUp, "a second backup uses the files of the first again") {
  kv::Store store = open(path);
  const auto first = make(store, false);
  CHECK(first.copied == first.files);
  CHECK(first.linked == 0);
  REQUIRE(store.put("more", "x").has_value());
  const auto second = make(store, false);
  CHECK(second.reused == first.files);
  CHECK(second.copied == second.files - first.files);
  CHECK(second.version == first.version + 1);
  restore();
  CHECK(state(open(restored)) == state(store));
}

TEST_CASE_FIXTURE(BackedUp, "merged segments leave the next backup, and not the one before") {
  kv::Store store = open(path);
  make(store);
  stdfs::copy(backup, backup + "-before", stdfs::copy_options::recursive);
  for (int i = 0; i < 20; ++i) REQUIRE(store.del("key0-" + std::to_string(i)).has_value());
  REQUIRE(store.merge().has_value());
  CHECK(kv::verify_backup(backup)->findings.empty());  // links outlive the merge
  make(store);
  CHECK(kv::verify_backup(backup)->findings.empty());
  std::size_t files = 0;
  for (const auto& entry : stdfs::directory_iterator(backup)) {
    files += entry.path().extension() == ".seg" ? 1 : 0;
  }
  CHECK(files == kv::verify_backup(backup)->segments);
  restore();
  CHECK(state(open(restored)) == state(store));
}

TEST_CASE_FIXTURE(BackedUp, "every flipped byte of a backup is found, and nothing of it restored") {
  {
    kv::Store store = open(path);
    make(store, false);
  }
  path = backup;  // contents() and write() are about the backup now
  for (const auto& [name, content] : contents()) {
    if (name == "LOCK") continue;
    for (std::size_t at = 0; at < content.size(); at += 97) {
      CAPTURE(name);
      CAPTURE(at);
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      write(name, damaged);
      const auto report = kv::verify_backup(backup);
      REQUIRE(report.has_value());
      REQUIRE(report->findings.size() == 1);
      CHECK(report->findings[0].file == backup + "/" + name);
      CHECK_FALSE(kv::restore_backup(backup, restored).has_value());
      CHECK_FALSE(stdfs::exists(restored));
    }
    write(name, content);
  }
  restore();
}

TEST_CASE_FIXTURE(BackedUp, "a backup or restoration writes into no directory with other things") {
  kv::Store store = open(path);
  stdfs::create_directory(backup);
  std::ofstream(backup + "/note") << "mine";
  const auto made = store.backup(backup);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == kv::Errc::kNotADatabase);
  stdfs::remove(backup + "/note");
  make(store);
  stdfs::create_directory(restored);
  std::ofstream(restored + "/note") << "mine";
  const auto done = kv::restore_backup(backup, restored);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == kv::Errc::kNotADatabase);

  kv::Store other = open(scratch.path() + "/other");
  const auto mixed = other.backup(backup);
  REQUIRE_FALSE(mixed.has_value());
  CHECK(mixed.error().code == kv::Errc::kNotADatabase);
  const auto none = kv::restore_backup(scratch.path() + "/nowhere", scratch.path() + "/x");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == kv::Errc::kNotADatabase);
}

TEST_CASE_FIXTURE(BackedUp, "a backup that ended early leaves the one before whole") {
  kv::Store store = open(path);
  make(store, false);
  const auto before = state(store);
  REQUIRE(store.put("more", std::string(3000, 'x')).has_value());
  // Ends at the first byte it reads.
  class Stop final : public kv::engine::ReadPace {
    bool go_on(std::uint64_t) override { return false; }
  } stop;
  kv::engine::BackupSource source;
  source.dir = path;
  const auto identity = kv::format::decode_identity(contents().at("IDENTITY"));
  REQUIRE(identity.has_value());
  source.identity = *identity;
  kv::format::SegmentInfo info;
  for (const auto& [name, content] : contents()) {
    if (name.ends_with(".seg") && content.size() > 2000) {
      info.id = static_cast<kv::format::SegmentId>(std::stoul(name));
    }
  }
  info.is_sealed = true;
  source.state.segments[info.id] = info;
  source.state.next_segment = 1000;
  kv::BackupOptions how;
  how.may_link = false;
  const auto made = kv::engine::make_backup(kv::io::posix_file_system(), source, backup, how, stop);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == kv::Errc::kClosed);
  CHECK(kv::verify_backup(backup)->findings.empty());
  restore();
  CHECK(state(open(restored)) == before);
}

TEST_CASE_FIXTURE(BackedUp, "what an interrupted backup left goes with the next one") {
  kv::Store store = open(path);
  make(store);
  // Linked, and then merged away before any list named it.
  for (const char* name : {"000098.seg", "000098.hint", "MANIFEST-000077", "000099.seg.tmp"}) {
    std::ofstream(backup + "/" + name) << "pins its space";
  }
  std::ofstream(backup + "/note") << "not ours";
  make(store);
  CHECK_FALSE(stdfs::exists(backup + "/000098.seg"));
  CHECK_FALSE(stdfs::exists(backup + "/000098.hint"));
  CHECK_FALSE(stdfs::exists(backup + "/MANIFEST-000077"));
  CHECK_FALSE(stdfs::exists(backup + "/000099.seg.tmp"));
  CHECK(stdfs::exists(backup + "/note"));
  CHECK(kv::verify_backup(backup)->findings.empty());
  restore();
  CHECK(state(open(restored)) == state(store));
}

TEST_CASE_FIXTURE(BackedUp, "a restored copy does not write into the backup of the original") {
  {
    kv::Store store = open(path);
    make(store);
  }
  restore();
  // Both go on from the same state, and come to the same ids and sizes of segments.
  for (int i = 0; i < 5; ++i) {
    REQUIRE(open(path).put("since", "original").has_value());
    REQUIRE(open(restored).put("since", "anothers").has_value());
  }
  kv::Store original = open(path);
  make(original);
  const auto before = state(original);
  kv::Store copy = open(restored);
  const auto refused = copy.backup(backup, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == kv::Errc::kNotADatabase);
  CHECK(kv::verify_backup(backup)->findings.empty());
  REQUIRE(kv::restore_backup(backup, restored + "-2").has_value());
  CHECK(state(open(restored + "-2")) == before);
  make(original);
}

TEST_CASE_FIXTURE(BackedUp, "a kept segment whose header rotted is brought anew") {
  kv::Store store = open(path);
  make(store, false);
  const std::string name = first(".seg");
  {
    std::fstream rotten(backup + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    rotten.seekp(12);  // always zero
    rotten.put('X');
  }
  CHECK(kv::verify_backup(backup)->findings.size() == 1);
  make(store, false);
  CHECK(kv::verify_backup(backup)->findings.empty());
}

TEST_CASE_FIXTURE(BackedUp, "no backup goes into a backup that has become a database") {
  kv::Store store = open(path);
  make(store, false);
  std::ofstream(backup + "/CURRENT") << "MANIFEST-000001";
  const auto made = store.backup(backup, {});
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == kv::Errc::kNotADatabase);
}
