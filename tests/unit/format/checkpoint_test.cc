#include "format/checkpoint.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;

constexpr std::uint64_t place(std::uint64_t segment, std::uint64_t rest) {
  return segment << 44 | rest;
}

CheckpointHead two_segments() {
  CheckpointHead head;
  head.database_id_hash = 0x0102030405060708;
  head.sequence = 42;
  head.segments = {{SegmentId{3}, 0x1111, 4096, 0}, {SegmentId{5}, 0x2222, 8192, 64}};
  return head;
}

std::string build(CheckpointHead head, const std::vector<std::vector<CheckpointEntry>>& blocks) {
  std::string body;
  for (const auto& entries : blocks) {
    CheckpointBlock block;
    for (const CheckpointEntry& entry : entries) block.add(entry);
    head.keys += block.keys();
    body += block.take();
  }
  head.blocks = blocks.size();
  return encode_checkpoint_head(head) + body;
}

std::string small() {
  return build(two_segments(), {{{"apple", place(0, 0x4008)}, {"banana", place(1, 0x8009)}},
                                {{"kiwi", place(0, 7)}}});
}

kv::Errc code_of(const std::string& content) {
  const auto reader = CheckpointReader::open(content);
  REQUIRE_FALSE(reader);
  return reader.error().code;
}

}  // namespace

TEST_CASE("a checkpoint comes back as it was built, in any number of slices") {
  const std::string content = small();
  const auto reader = CheckpointReader::open(content);
  REQUIRE(reader);
  CHECK(reader->head().sequence == 42);
  CHECK(reader->head().keys == 3);
  CHECK(reader->head().segments == two_segments().segments);
  for (const std::size_t count : {1u, 2u, 3u, 5u}) {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < count; ++i) {
      auto slice = reader->slice(i, count);
      CheckpointEntry entry;
      bool is_first = true;
      while (slice.next(entry)) {
        if (is_first) CHECK(reader->first_key(i, count) == entry.key);
        is_first = false;
        found.push_back(std::string(entry.key) + "@" + std::to_string(entry.place));
      }
    }
    CHECK(found == std::vector<std::string>{"apple@" + std::to_string(place(0, 0x4008)),
                                            "banana@" + std::to_string(place(1, 0x8009)),
                                            "kiwi@" + std::to_string(place(0, 7))});
  }
}

TEST_CASE("a checkpoint of nothing is one") {
  const std::string content = build({}, {});
  const auto reader = CheckpointReader::open(content);
  REQUIRE(reader);
  CheckpointEntry entry;
  CHECK_FALSE(reader->slice(0, 1).next(entry));
  CHECK_FALSE(reader->first_key(0, 1));
}

TEST_CASE("a checkpoint has its golden bytes") {
  CHECK(kv::test::golden_difference("checkpoint.hex", small()) == "");
}

TEST_CASE("every flipped bit and every cut of a checkpoint is seen") {
  const std::string content = small();
  kv::test::each_flip(content, [](const std::string& damaged, std::size_t) {
    REQUIRE_FALSE(CheckpointReader::open(damaged));
  });
  kv::test::each_cut(content,
                     [](const std::string& cut) { REQUIRE_FALSE(CheckpointReader::open(cut)); });
  CHECK(code_of(content + '\0') == kv::Errc::kCorruption);
}

TEST_CASE("what is well summed up but wrong is refused") {
  CHECK(code_of(build(two_segments(), {{{"b", 0}, {"a", 0}}})) == kv::Errc::kCorruption);
  CHECK(code_of(build(two_segments(), {{{"a", 0}}, {{"a", 0}}})) == kv::Errc::kCorruption);
  CHECK(code_of(build(two_segments(), {{{"a", place(2, 0)}}})) == kv::Errc::kCorruption);
  std::string newer = small();
  kv::base::store_le(newer.data() + 4, std::uint16_t{2});
  kv::base::store_le(newer.data() + 60, kv::base::crc32c({newer.data(), 60}));
  CHECK(code_of(newer) == kv::Errc::kNewerFormat);
}
