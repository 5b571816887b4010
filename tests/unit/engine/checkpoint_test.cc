#include "engine/checkpoint.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"

namespace {

using kv::Errc;
using kv::io::SimOperation;

// A store on a simulated disk whose caller does all the work; tells who wrote to a checkpoint.
struct CheckpointedStore : kv::EventListener {
  kv::io::SimFileSystem fs;
  std::unique_ptr<kv::StoreImpl> store;
  std::vector<std::string> events;
  int checkpoint_writes = 0;

  CheckpointedStore() {
    open();
    fs.set_hook([this](const kv::io::SimCall& call) {
      const bool is_one = call.path.find("CHECKPOINT") != std::string::npos;
      checkpoint_writes += is_one && call.operation == SimOperation::kWrite ? 1 : 0;
      return false;
    });
  }
  ~CheckpointedStore() override { store.reset(); }
  void open() {
    store.reset();
    kv::Options options;
    options.segment_size_max = 4096;
    options.space_reserve = 16 * 1024;
    options.merges_automatically = false;
    options.listener = this;
    auto opened = kv::StoreImpl::open(fs, "/db", options, kv::Background::kCaller);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  kv::Result<kv::WriteResult> put(const std::string& key, const std::string& value) const {
    kv::Write write;
    write.key = key;
    write.value = value;
    return store->write(write);
  }
  void fill() const {
    for (int i = 0; i < 100; ++i)
      REQUIRE(put("key" + std::to_string(i), std::string(100, 'v')).has_value());
  }
  void on_event(const kv::Event& event) override {
    events.push_back(std::string(event.name) + " " + event.details);
  }
  bool has_checkpoint() { return fs.exists("/db/CHECKPOINT").value_or(false); }
};

}  // namespace

TEST_CASE_FIXTURE(CheckpointedStore, "a checkpoint is what the next open starts from") {
  fill();
  REQUIRE(store->checkpoint().has_value());
  CHECK(has_checkpoint());
  CHECK(checkpoint_writes > 0);
  open();
  CHECK(store->stats().recovery.segments_by_checkpoint > 0);
  CHECK(store->stats().keys == 100);
}

TEST_CASE_FIXTURE(CheckpointedStore, "no checkpoint eats what the disk keeps in reserve") {
  fill();
  const auto space = fs.space("/db");
  REQUIRE(space.has_value());
  const std::uint64_t used = space->total_bytes - space->free_bytes;
  fs.set_capacity(used + 16 * 1024 + 100);
  const auto refused = store->checkpoint();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kNoSpace);
  CHECK(checkpoint_writes == 0);
  // The same trouble is told once.
  CHECK_FALSE(store->checkpoint().has_value());
  CHECK(std::ranges::count_if(events, [](const std::string& event) {
          return event.starts_with("checkpoint failed");
        }) == 1);

  fs.set_capacity(used + 512 * 1024);
  CHECK(store->checkpoint().has_value());
  CHECK(has_checkpoint());
}

TEST_CASE_FIXTURE(CheckpointedStore, "no checkpoint is begun whose end the log would refuse") {
  fill();
  fs.plan({.operation = SimOperation::kSync, .path_part = ".seg"});
  REQUIRE_FALSE(put("key", "value").has_value());
  const auto refused = store->checkpoint();
  REQUIRE_FALSE(refused.has_value());
  CHECK(checkpoint_writes == 0);
  CHECK_FALSE(has_checkpoint());
}

TEST_CASE_FIXTURE(CheckpointedStore, "no checkpoint is made beside damage, and that is told") {
  fill();
  fs.flip("/db/000001.seg", 64 + 24 + 48 + 60, 1);
  REQUIRE(store->verify({})->findings.size() == 1);
  const auto refused = store->checkpoint();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kCorruption);
  CHECK(refused.error().context.find("/db/000001.seg") != std::string::npos);
  CHECK_FALSE(has_checkpoint());
}
