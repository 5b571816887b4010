#include "engine/fingerprint_scan.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "format/state_fingerprint.h"
#include "io/sim_file_system.h"

using namespace kv;
using engine::FingerprintScan;
using format::StateFingerprint;

namespace {

struct Holder {
  io::SimFileSystem fs{1};
  std::unique_ptr<StoreImpl> store;

  explicit Holder(std::uint64_t segment_size) {
    Options options;
    options.segment_size_max = segment_size;
    options.scrub_rate = 0;
    store = *StoreImpl::open(fs, "/db", options, Background::kCaller);
  }
  void write(Write::Kind kind, const std::string& key, const std::string& value = "") const {
    Write write;
    write.kind = kind;
    write.key = key;
    write.value = value;
    REQUIRE(store->write(write).has_value());
  }
  void put(const std::string& key, const std::string& value) const {
    write(Write::Kind::kPut, key, value);
  }
  void fill() const {
    for (int i = 0; i < 3000; ++i) put("key" + std::to_string(i), "value" + std::to_string(i));
    for (int i = 0; i < 1500; ++i) put("key" + std::to_string(i * 2), "again");
    for (int i = 0; i < 100; ++i) write(Write::Kind::kDelete, "key" + std::to_string(i * 7 + 2));
    Batch batch;
    for (int i = 0; i < 50; ++i) batch.put("batch" + std::to_string(i), "v");
    Write write;
    write.kind = Write::Kind::kBatch;
    write.batch = &batch;
    REQUIRE(store->write(write).has_value());
  }
  FingerprintScan begin() const {
    auto pin = store->segments().pin();
    return {store->index(), store->segments(), std::move(pin),
            store->index().snapshot(store->version())};
  }
  static StateFingerprint finish(FingerprintScan& scan) {
    for (;;) {
      const auto more = scan.step(100);
      REQUIRE(more.has_value());
      if (!*more) return scan.fingerprint();
    }
  }
  StateFingerprint fingerprint() const {
    FingerprintScan scan = begin();
    return finish(scan);
  }
};

}  // namespace

TEST_CASE("what is held counts, and not where it lies") {
  const Holder one(4096);
  const Holder other(64 * 1024);
  one.fill();
  other.fill();
  REQUIRE(one.store->merge(0).has_value());
  CHECK(one.fingerprint().keys == one.store->index().size());
  CHECK(one.fingerprint() == other.fingerprint());
  SUBCASE("another value") {
    one.put("key1", "this");
    other.put("key1", "that");
  }
  SUBCASE("a key more") {
    one.put("more", "v");
    other.put("key1", "value1");
  }
  SUBCASE("older versions") {
    one.put("key1", "v");
    one.put("key3", "v");
    other.put("key3", "v");
    other.put("key1", "v");
  }
  const std::size_t differing = differing_buckets(one.fingerprint(), other.fingerprint());
  CHECK(differing >= 1);
  CHECK(differing <= 2);
}

TEST_CASE("writes and merges beside it change nothing of what the snapshot saw") {
  const Holder holder(4096);
  holder.fill();
  const StateFingerprint before = holder.fingerprint();
  FingerprintScan scan = holder.begin();
  REQUIRE(scan.step(1).value());
  for (int i = 0; i < 3000; ++i) holder.put("key" + std::to_string(i), "newer");
  REQUIRE(holder.store->merge(0).has_value());
  REQUIRE(scan.step(1).value());
  REQUIRE(holder.store->merge(0).has_value());
  CHECK(Holder::finish(scan) == before);
  CHECK(holder.fingerprint() != before);
}

TEST_CASE("who cannot read a header does not say what it holds") {
  Holder holder(4096);
  holder.fill();
  const auto place = holder.store->index().find("key1");
  REQUIRE(place.has_value());
  auto file = holder.fs.open(holder.store->segments().find(place->slot())->path(),
                             io::OpenMode::kReadWrite);
  REQUIRE(file.has_value());
  const std::string_view pieces[] = {"x"};
  REQUIRE((*file)->write_at(place->offset() + 20, pieces).has_value());
  FingerprintScan scan = holder.begin();
  const auto done = scan.step(10'000);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == Errc::kCorruption);
}
