#include "format/manifest.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;
using kv::test::each_cut;
using kv::test::each_flip;

constexpr std::uint64_t kNumber = 12;
constexpr std::uint64_t kDatabase = 0xfeedfacecafebeef;

// A manifest with each kind of edit, and the state after each of its frames.
struct Story {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  std::vector<std::size_t> ends = {kManifestHeaderSize};
  std::vector<ManifestState> states = {ManifestState{}};

  Story() {
    tell({AddSegment{SegmentId{1}, SegmentKind::kLog, 1}});
    tell({SealSegment{SegmentId{1}, 4096, 20, 1, 20, 0xaaaa}});
    tell({AddSegment{SegmentId{2}, SegmentKind::kLog, 21}, SequenceFloor{30}});
    tell({AddSegment{SegmentId{3}, SegmentKind::kMerged, 1}});
    tell({SealSegment{SegmentId{3}, 2048, 10, 1, 19, 0}});
    tell({Quarantine{SegmentId{2}, 640, 64, 25, 26, true}});
    tell({MergeSegments{{SegmentId{1}}, {SegmentId{3}}, 7}});
    tell({SegmentFloor{9}});
  }
  void tell(const std::vector<Edit>& edits) {
    append_edits(bytes, edits, kNumber);
    states.push_back(states.back());
    for (const Edit& edit : edits) REQUIRE(states.back().apply(edit));
    ends.push_back(bytes.size());
  }
};

// Appends a frame with a right checksum around any content.
void append_frame(std::string& bytes, const std::string& content) {
  std::string checked;
  kv::base::append_le(checked, static_cast<std::uint32_t>(content.size()));
  checked += content;
  std::string number;
  kv::base::append_le(number, kNumber);
  kv::base::append_le(bytes, kv::base::crc32c(number + checked));
  bytes += checked;
}

Errc code_of(const std::string& bytes) {
  const auto content = decode_manifest(bytes);
  REQUIRE_FALSE(content);
  return content.error().code;
}

}  // namespace

TEST_CASE("a manifest has its golden bytes") {
  constexpr std::uint64_t kGoldenDatabase = 0x01121d5b6c0ac055;
  std::string bytes = encode_manifest_header(kNumber, kGoldenDatabase);
  const std::vector<std::vector<Edit>> frames = {
      {AddSegment{SegmentId{1}, SegmentKind::kLog, 1}},
      {SealSegment{SegmentId{1}, 4096, 20, 1, 20, 0xa1a2a3a4a5a6a7a8},
       AddSegment{SegmentId{3}, SegmentKind::kLog, 21}},
      {AddSegment{SegmentId{2}, SegmentKind::kMerged, 1}},
      {SealSegment{SegmentId{2}, 2048, 10, 1, 19, 0}},
      {MergeSegments{{SegmentId{1}}, {SegmentId{2}}, 7}},
      {Quarantine{SegmentId{3}, 640, 64, 25, 26, true}},
      {SequenceFloor{30}, SegmentFloor{9}},
  };
  ManifestState state;
  for (const std::vector<Edit>& edits : frames) {
    append_edits(bytes, edits, kNumber);
    for (const Edit& edit : edits) REQUIRE(state.apply(edit));
  }
  CHECK(kv::test::golden_difference("manifest.hex", bytes) == "");
  const auto content = decode_manifest(kv::test::load_golden("manifest.hex"));
  REQUIRE(content);
  CHECK(content->manifest_number == kNumber);
  CHECK(content->database_id_hash == kGoldenDatabase);
  CHECK(content->valid_size == bytes.size());
  CHECK(content->state == state);
}

TEST_CASE("a manifest says the state that its edits lead to") {
  const Story story;
  const auto content = decode_manifest(story.bytes);
  REQUIRE(content);
  CHECK(content->manifest_number == kNumber);
  CHECK(content->database_id_hash == kDatabase);
  CHECK(content->valid_size == story.bytes.size());
  CHECK(content->state == story.states.back());
  CHECK(content->state.segments.size() == 2);
  CHECK(content->state.quarantines.size() == 1);
  CHECK(content->state.tombstone_floor == 7);
  CHECK(content->state.sequence_floor == 30);
  CHECK(content->state.next_segment == 9);
}

TEST_CASE("a manifest cut anywhere says the state after its last whole frame") {
  const Story story;
  each_cut(story.bytes, [&](const std::string& cut) {
    const auto content = decode_manifest(cut);
    if (cut.size() < kManifestHeaderSize) {
      REQUIRE_FALSE(content);
      CHECK(content.error().code == Errc::kCorruption);
      return;
    }
    REQUIRE(content);
    const auto end = std::ranges::upper_bound(story.ends, cut.size()) - 1;
    CHECK(content->valid_size == *end);
    CHECK(content->state == story.states[static_cast<std::size_t>(end - story.ends.begin())]);
  });
}

TEST_CASE("a flipped bit is corruption, or in the last frame a torn tail") {
  const Story story;
  const std::size_t last = story.ends[story.ends.size() - 2];
  each_flip(story.bytes, [&](const std::string& damaged, std::size_t at) {
    const auto content = decode_manifest(damaged);
    if (!content) {
      CHECK(content.error().code == Errc::kCorruption);
      return;
    }
    CHECK(at >= last);
    CHECK(content->valid_size == last);
    CHECK(content->state == story.states[story.states.size() - 2]);
  });
}

TEST_CASE("damage names its offset") {
  const Story story;
  std::string damaged = story.bytes;
  damaged[story.ends[2] + 9] = static_cast<char>(damaged[story.ends[2] + 9] ^ 1);
  const auto content = decode_manifest(damaged);
  REQUIRE_FALSE(content);
  CHECK(content.error().context.find("at " + std::to_string(story.ends[2])) != std::string::npos);
}

TEST_CASE("what a crash can leave of the last frame is a torn tail") {
  const Story story;
  const std::size_t valid = story.bytes.size();
  std::string tail;
  append_edits(tail, std::vector<Edit>(4, Edit{SequenceFloor{31}}), kNumber);
  SUBCASE("zeros of any length") {
    for (std::size_t size = 1; size < 40; ++size) {
      CAPTURE(size);
      const auto content = decode_manifest(story.bytes + std::string(size, '\0'));
      REQUIRE(content);
      CHECK(content->valid_size == valid);
    }
    return;
  }
  SUBCASE("its end never written") { std::fill(tail.begin() + 16, tail.end(), '\0'); }
  SUBCASE("its beginning never written") { std::fill(tail.begin(), tail.begin() + 8, '\0'); }
  SUBCASE("all but its head never written") { std::fill(tail.begin() + 8, tail.end(), '\0'); }
  SUBCASE("a size no frame has") { tail[7] = '\x7f'; }
  SUBCASE("a size that runs past the end") { tail[5] = 1; }
  const auto content = decode_manifest(story.bytes + tail);
  REQUIRE(content);
  CHECK(content->valid_size == valid);
  CHECK(content->state == story.states.back());
}

TEST_CASE("a bad frame with bytes behind its end is damage") {
  Story story;
  const std::size_t last = story.ends[story.ends.size() - 2];
  story.bytes[last] = static_cast<char>(story.bytes[last] ^ 1);
  for (const std::size_t zeros : {0u, 1u, 8u, 4096u}) {
    CAPTURE(zeros);
    const auto torn = decode_manifest(story.bytes + std::string(zeros, '\0'));
    REQUIRE(torn);
    CHECK(torn->valid_size == last);
  }
  CHECK(code_of(story.bytes + "x") == Errc::kCorruption);
}

TEST_CASE("a frame of another manifest is not taken for one of this") {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  append_edit(bytes, SequenceFloor{5}, kNumber + 1);
  const auto content = decode_manifest(bytes);
  REQUIRE(content);
  CHECK(content->valid_size == kManifestHeaderSize);
  CHECK(content->state == ManifestState{});
}

TEST_CASE("a frame whose size is no multiple of 8 is none, whatever its checksum") {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  std::string content;
  encode_edit(content, SequenceFloor{5});
  REQUIRE(content.size() % 8 != 0);
  append_frame(bytes, content);
  const auto decoded = decode_manifest(bytes);
  REQUIRE(decoded);
  CHECK(decoded->valid_size == kManifestHeaderSize);
}

TEST_CASE("an edit or a version of a later program is told as such") {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  SUBCASE("an edit type") { append_frame(bytes, std::string("\x7f\0\0\0\0\0\0\0", 8)); }
  SUBCASE("the manifest's version") {
    kv::base::store_le(bytes.data() + 4, std::uint16_t{2});
    kv::base::store_le(bytes.data() + 60, kv::base::crc32c({bytes.data(), 60}));
  }
  CHECK(code_of(bytes) == Errc::kNewerFormat);
}

TEST_CASE("a frame with a right checksum and a wrong content is corruption") {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  std::string content;
  encode_edit(content, SequenceFloor{5});
  SUBCASE("an edit that contradicts the state") {
    append_edit(bytes, SealSegment{.id = SegmentId{1}}, kNumber);
  }
  SUBCASE("no edit") { append_frame(bytes, std::string(8, '\0')); }
  SUBCASE("padding that is not zero") {
    append_frame(bytes, content + std::string("\0\0\0\0\0\0\x01", 7));
  }
  SUBCASE("more padding than needed") { append_frame(bytes, content + std::string(15, '\0')); }
  SUBCASE("an edit cut short") { append_frame(bytes, content.substr(0, 8)); }
  CHECK(code_of(bytes) == Errc::kCorruption);
}

TEST_CASE("a manifest header with a field this version never writes is refused") {
  std::string bytes = encode_manifest_header(kNumber, kDatabase);
  bytes[30] = 1;
  kv::base::store_le(bytes.data() + 60, kv::base::crc32c({bytes.data(), 60}));
  CHECK(code_of(bytes) == Errc::kCorruption);
}
