// Written values in the cache: by place, and what a full disk refused leaves its place to others. A
// batch is not cached when it is written, so a read of one would find what was left there.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/answer.h"

using kv::Background;
using kv::Errc;
using kv::StoreImpl;
using kv::Write;
using kv::WriteResult;
using kv::test::Answer;
using kv::test::put;

namespace {

// In which "k" is put behind another record, alone or in a batch, and lies at the same offset.
struct PlacedStore {
  static constexpr std::size_t kSize = 40;  // of the value

  kv::io::SimFileSystem fs;
  kv::Options options;
  std::unique_ptr<StoreImpl> store;

  PlacedStore() {
    options.sync = kv::Sync::kNone;
    options.merges_automatically = false;
    options.scrub_rate = 0;
    options.segment_size_max = 4096;
    options.value_cache_max = 1024 * 1024;
  }
  void open(const std::string& directory) {
    store.reset();
    auto opened = StoreImpl::open(fs, directory, options, Background::kCaller);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
  }
  static std::string value(char letter) { return std::string(kSize, letter); }
  static kv::Batch batch(char letter) {
    kv::Batch made;
    made.put("b", "12345678");
    made.put("k", value(letter));
    return made;
  }
  // A record as long as the head of such a batch and its first member.
  static Write before() {
    static const std::string value(48 + 8 - 1 + 8, 'x');
    return put("a", value);
  }
  void write_alone(char letter) {
    REQUIRE(store->write(before()).has_value());
    REQUIRE(store->write(put("k", value(letter))).has_value());
  }
  void write_batch(char letter) {
    const kv::Batch made = batch(letter);
    Write write;
    write.kind = Write::Kind::kBatch;
    write.batch = &made;
    REQUIRE(store->write(write).has_value());
  }
  struct Lies {
    std::uint32_t segment;
    std::uint64_t offset;
    bool operator==(const Lies&) const = default;
  };
  Lies place_of_k() const {
    const auto found = store->inspect("k");
    REQUIRE(found.has_value());
    REQUIRE_FALSE(found->records.empty());
    REQUIRE(found->records.front().is_current);
    return {found->records.front().segment, found->records.front().offset};
  }
  std::string get(std::string_view key) const {
    const auto found = store->get(key, {});
    REQUIRE(found.has_value());
    return *found ? (*found)->bytes : "(none)";
  }
};

}  // namespace

TEST_CASE_FIXTURE(PlacedStore, "what a full disk refused is not read where another record lies") {
  open("/where-it-would-lie");
  REQUIRE(store->write(put("first", "1")).has_value());
  write_alone('o');
  const Lies place = place_of_k();

  open("/db");
  REQUIRE(store->write(put("first", "1")).has_value());
  kv::io::SimFault fault;
  fault.operation = kv::io::SimOperation::kWrite;
  fault.error = std::errc::no_space_on_device;
  fs.plan(fault);
  const std::string refused_value = value('o');
  Answer refused[2];
  store->submit(before(), refused[0], {});
  store->submit(put("k", refused_value), refused[1], {});
  store->flush(kv::ReadMode::kNoWait);
  for (Answer& answer : refused) CHECK(answer.wait().error().code == Errc::kNoSpace);
  CHECK(get("k") == "(none)");
  write_batch('n');
  CHECK(place_of_k() == place);
  CHECK(get("k") == value('n'));
}
