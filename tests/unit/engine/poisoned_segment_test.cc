#include <map>
#include <optional>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"

using kv::Errc;
using kv::io::SimCall;
using kv::io::SimFileSystem;
using kv::io::SimOperation;

namespace {

// Counts the syncs of each file, and remembers which one was made to fail.
struct PoisonedStore {
  SimFileSystem fs{1};
  std::map<std::string, int> syncs;
  std::optional<kv::Store> store;

  PoisonedStore() {
    kv::Options options;
    options.segment_size_max = 4096;
    auto opened = kv::StoreImpl::open(fs, "/db", options, kv::Background::kCaller);
    REQUIRE(opened.has_value());
    store = kv::StoreImpl::wrap(std::move(*opened));
    REQUIRE(store->put("a", "1").has_value());
    fs.set_hook([this](const SimCall& call) {
      if (call.operation == SimOperation::kSync) ++syncs[call.path];
      return false;
    });
    fs.plan({.operation = SimOperation::kSync, .path_part = ".seg"});
  }
  ~PoisonedStore() {
    store.reset();
    fs.set_hook({});
  }
};

}  // namespace

TEST_CASE_FIXTURE(PoisonedStore, "a segment whose sync failed is never synced again") {
  CHECK(store->put("b", "2").error().code == Errc::kUnknownOutcome);
  REQUIRE(syncs.size() == 1);
  const auto [path, count] = *syncs.begin();
  CHECK(count == 1);
  // Whatever is asked of the store from here on; the sync itself would succeed.
  CHECK(store->put("c", "3").error().code == Errc::kReadOnly);
  CHECK(store->del("a").error().code == Errc::kReadOnly);
  CHECK_FALSE(store->sync().has_value());
  CHECK_FALSE(store->merge().has_value());
  CHECK(store->get("a").value()->bytes == "1");
  CHECK_FALSE(store->close().has_value());
  store.reset();
  CHECK(syncs[path] == 1);
}

TEST_CASE_FIXTURE(PoisonedStore, "all who waited for a failed sync hear that nobody knows") {
  struct Outcomes : kv::WriteListener {
    int unknown = 0;
    void on_written(const kv::WriteTag&, kv::Result<kv::WriteResult> result) override {
      if (!result && result.error().code == Errc::kUnknownOutcome) ++unknown;
    }
  } outcomes;
  for (const char* key : {"b", "c", "d"}) {
    kv::Write write;
    write.key = key;
    write.value = "x";
    store->submit(write, outcomes, {});
  }
  store->flush(kv::ReadMode::kNoWait);
  CHECK_FALSE(store->sync().has_value());
  CHECK(outcomes.unknown == 3);
}
