#include "format/edit.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/endian.h"

namespace {

using namespace kv::format;
using kv::Errc;

std::vector<Edit> every_edit() {
  return {
      AddSegment{SegmentId{0x01020304}, SegmentKind::kMerged, 0x1112131415161718},
      SealSegment{SegmentId{2}, 3, 4, 5, 6, 7},
      Quarantine{SegmentId{2}, 3, 4, 5, 6, true},
      Quarantine{SegmentId{2}, 3, 4, 5, 6, false},
      MergeSegments{{SegmentId{1}, SegmentId{2}}, {SegmentId{3}}, 9},
      MergeSegments{{}, {}, 0},
      SequenceFloor{~std::uint64_t{0}},
      SegmentFloor{0x100000000},
      CutSegment{SegmentId{2}, 3, 4},
      LogFloor{5, 6, 7},
  };
}

std::string encoded(const Edit& edit) {
  std::string out;
  encode_edit(out, edit);
  return out;
}

Errc code_of(std::string_view bytes) {
  const auto edit = decode_edit(bytes);
  REQUIRE_FALSE(edit);
  return edit.error().code;
}

}  // namespace

TEST_CASE("edits come back one after the other as they were encoded") {
  std::string bytes;
  for (const Edit& edit : every_edit()) encode_edit(bytes, edit);
  std::string_view rest = bytes;
  for (const Edit& edit : every_edit()) {
    const auto decoded = decode_edit(rest);
    REQUIRE(decoded);
    CHECK((*decoded == edit));
  }
  CHECK(rest.empty());
}

TEST_CASE("an edit cut anywhere is corruption") {
  for (const Edit& edit : every_edit()) {
    const std::string bytes = encoded(edit);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(size);
      CHECK(code_of(bytes.substr(0, size)) == Errc::kCorruption);
    }
  }
}

TEST_CASE("a type this version does not know is a newer format") {
  for (const char type : {'\x09', '\x7f', '\xff'}) {
    CHECK(code_of(std::string(1, type) + std::string(64, '\0')) == Errc::kNewerFormat);
  }
}

TEST_CASE("fields nobody writes are corruption") {
  std::string kind = encoded(every_edit()[0]);
  kind[5] = 2;
  CHECK(code_of(kind) == Errc::kCorruption);
  std::string flag = encoded(every_edit()[2]);
  flag.back() = 2;
  CHECK(code_of(flag) == Errc::kCorruption);
}

TEST_CASE("a count of ids takes no memory beyond the bytes that are there") {
  std::string bytes = encoded(MergeSegments{{SegmentId{1}}, {}, 9});
  kv::base::store_le(bytes.data() + 1, ~std::uint32_t{0});
  CHECK(code_of(bytes) == Errc::kCorruption);
}
