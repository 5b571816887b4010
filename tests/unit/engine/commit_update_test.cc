#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "kv/store.h"
#include "tests/support/scratch_dir.h"

using kv::Errc;
using kv::Result;
using kv::Store;
using kv::ValueUpdate;

namespace {

// Adds one to a decimal number.
class Increment final : public ValueUpdate {
 public:
  Result<Action> apply(std::optional<std::string_view> current, std::string& next) override {
    next = std::to_string((current ? std::stoi(std::string(*current)) : 0) + 1);
    return Action::kPut;
  }
};

// Does as it is told, and remembers what it saw.
class Told final : public ValueUpdate {
 public:
  explicit Told(Result<Action> action, std::string next = {})
      : action_(std::move(action)), next_(std::move(next)) {}
  Result<Action> apply(std::optional<std::string_view> current, std::string& next) override {
    calls += 1;
    if (current) seen = std::string(*current);
    next = next_;
    return action_;
  }
  int calls = 0;
  std::optional<std::string> seen;

 private:
  Result<Action> action_;
  std::string next_;
};

using Action = ValueUpdate::Action;

kv::Options options() {
  kv::Options options;
  options.sync = kv::Sync::kNone;
  return options;
}

class Replies final : public kv::WriteListener {
 public:
  void on_written(const kv::WriteTag&, Result<kv::WriteResult> result) override {
    results.push_back(std::move(result));
  }
  std::vector<Result<kv::WriteResult>> results;
};

void submit(Store& store, ValueUpdate& update, Replies& replies) {
  kv::Write write;
  write.kind = kv::Write::Kind::kUpdate;
  write.key = "key";
  write.update = &update;
  store.submit(write, replies, {});
}

}  // namespace

TEST_CASE("an update sees the newest value, puts, deletes, or does nothing") {
  const kv::test::ScratchDir scratch;
  auto store = Store::open(scratch.path() + "/db", options());
  REQUIRE(store);
  Told first(Action::kPut, "one");
  REQUIRE(*store->update("key", first) == 1);
  CHECK(!first.seen);
  Told second(Action::kPut, "two");
  REQUIRE(*store->update("key", second) == 2);
  CHECK(second.seen == "one");
  Told nothing(Action::kNothing, "never");
  CHECK(*store->update("key", nothing) == std::nullopt);
  CHECK(nothing.seen == "two");
  CHECK((**store->get("key")).bytes == "two");
  Told refused(tl::unexpected(kv::Error{Errc::kInvalidArgument, "not so", {}}));
  const auto result = store->update("key", refused);
  REQUIRE(!result);
  CHECK(result.error().context == "not so");
  Told gone(Action::kDelete);
  CHECK(*store->update("key", gone) == 3);
  CHECK(!*store->get("key"));
  Told absent(Action::kDelete);
  CHECK(*store->update("key", absent) == std::nullopt);
  CHECK(!absent.seen);
  CHECK(absent.calls == 1);
}

TEST_CASE("what an update makes is held to the limits, and is there after a reopening") {
  const kv::test::ScratchDir scratch;
  {
    auto store = Store::open(scratch.path() + "/db", options());
    REQUIRE(store);
    Told large(Action::kPut, std::string(kv::kValueSizeMax + 1, 'x'));
    const auto refused = store->update("key", large);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::kInvalidArgument);
    CHECK(!*store->get("key"));
    Told fits(Action::kPut, std::string(1024 * 1024, 'y'));
    REQUIRE(store->update("key", fits));
  }
  auto store = Store::open(scratch.path() + "/db", options());
  REQUIRE(store);
  CHECK((**store->get("key")).bytes == std::string(1024 * 1024, 'y'));
}

TEST_CASE(
    "updates of writes that are not applied yet see them: puts, batches, large values, deletes") {
  // Without threads, so that nobody else flushes.
  kv::io::SimFileSystem fs;
  auto opened = kv::StoreImpl::open(fs, "/db", options(), kv::Background::kCaller);
  REQUIRE(opened);
  std::optional<Store> store = kv::StoreImpl::wrap(std::move(*opened));
  Replies replies;
  kv::Write put;
  put.key = "key";
  put.value = "small";
  store->submit(put, replies, {});
  Told after_put(Action::kPut, std::string(200 * 1024, 'L'));
  submit(*store, after_put, replies);
  Told after_large(Action::kDelete);
  submit(*store, after_large, replies);
  Told after_delete(Action::kNothing);
  submit(*store, after_delete, replies);
  kv::Batch batch;
  batch.put("another", "x");
  batch.put("key", "in a batch");
  kv::Write write;
  write.kind = kv::Write::Kind::kBatch;
  write.batch = &batch;
  store->submit(write, replies, {});
  Told after_batch(Action::kPut, "last");
  submit(*store, after_batch, replies);
  CHECK(replies.results.empty());
  store->flush();
  REQUIRE(replies.results.size() == 6);
  for (const auto& result : replies.results) CHECK(result);
  CHECK(after_put.seen == "small");
  CHECK(after_large.seen == std::string(200 * 1024, 'L'));
  CHECK(!after_delete.seen);
  CHECK(!replies.results[3]->was_found);
  CHECK(after_batch.seen == "in a batch");
  CHECK((**store->get("key")).bytes == "last");
}

TEST_CASE("no increment of many threads is lost, while merges move the value") {
  const kv::test::ScratchDir scratch;
  kv::Options small = options();
  small.segment_size_max = 16 * 1024;
  auto store = Store::open(scratch.path() + "/db", small);
  REQUIRE(store);
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < kEach; ++n) {
          Increment increment;
          if (!store->update("counter", increment)) std::abort();
        }
      });
    }
    for (int round = 0; round < 5; ++round) REQUIRE(store->merge());
  }
  CHECK((**store->get("counter")).bytes == std::to_string(kThreads * kEach));
}

TEST_CASE("writes that are applied together leave the same live bytes as one by one") {
  const auto live_bytes = [](bool flushes_each) {
    kv::io::SimFileSystem fs;
    auto opened = kv::StoreImpl::open(fs, "/db", options(), kv::Background::kCaller);
    REQUIRE(opened);
    Store store = kv::StoreImpl::wrap(std::move(*opened));
    Replies replies;
    for (std::size_t i = 0; i < 300; ++i) {
      const std::string key = "key" + std::to_string(i * i % 101);
      const std::string value(i * 37 % 900, 'v');
      kv::Write write;
      write.key = key;
      write.value = value;
      write.kind = i % 7 == 3 ? kv::Write::Kind::kDelete : kv::Write::Kind::kPut;
      store.submit(write, replies, {});
      if (flushes_each) store.flush();
    }
    store.flush();
    CHECK(replies.results.size() == 300);
    return store.stats().live_bytes;
  };
  CHECK(live_bytes(false) == live_bytes(true));
  CHECK(live_bytes(false) > 1000);
}
