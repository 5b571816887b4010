#include "format/names.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace kv::format;

TEST_CASE("a name says the file it was made for") {
  for (const std::uint32_t id : {0u, 1u, 999999u, 1000000u, 0xffffffffu}) {
    CAPTURE(id);
    const ParsedName segment = parse_name(segment_name(SegmentId{id}));
    CHECK(segment.kind == FileKind::kSegment);
    CHECK(segment.number == id);
    const ParsedName hint = parse_name(hint_name(SegmentId{id}));
    CHECK(hint.kind == FileKind::kHint);
    CHECK(hint.number == id);
  }
  for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{1234567}, ~std::uint64_t{0}}) {
    CAPTURE(number);
    const ParsedName manifest = parse_name(manifest_name(number));
    CHECK(manifest.kind == FileKind::kManifest);
    CHECK(manifest.number == number);
  }
  CHECK(parse_name(kLockName).kind == FileKind::kLock);
  CHECK(parse_name(kIdentityName).kind == FileKind::kIdentity);
  CHECK(parse_name(kHardStateName).kind == FileKind::kHardState);
  CHECK(parse_name(kMembersName).kind == FileKind::kMembers);
  CHECK(parse_name(kCurrentName).kind == FileKind::kCurrent);
  CHECK(parse_name(kLostFoundName).kind == FileKind::kLostFound);
  CHECK(parse_name(kIncomingName).kind == FileKind::kIncoming);
}

TEST_CASE("a number has at least six digits, so that names sort like numbers up to a million") {
  CHECK(segment_name(SegmentId{1}) == "000001.seg");
  CHECK(hint_name(SegmentId{12}) == "000012.hint");
  CHECK(manifest_name(123) == "MANIFEST-000123");
}

TEST_CASE("only what could become one of our files is a temporary of ours") {
  for (const char* name : {"CURRENT.tmp", "IDENTITY.tmp", "000001.hint.tmp", "000001.seg.tmp",
                           "MANIFEST-000003.tmp"}) {
    CAPTURE(name);
    CHECK(parse_name(name).kind == FileKind::kTemporary);
  }
  for (const char* name : {".tmp", "notes.tmp", "CURRENT.tmp.tmp", "1.seg.tmp", "MANIFEST-3.tmp"}) {
    CAPTURE(name);
    CHECK(parse_name(name).kind == FileKind::kForeign);
  }
}

TEST_CASE("anything else is foreign") {
  const std::vector<std::string> names = {"",
                                          ".",
                                          "..",
                                          "lock",
                                          "LOCK ",
                                          "LOST+FOUND",
                                          "1.seg",
                                          "00001.seg",
                                          "0000001.seg",
                                          ".seg",
                                          "00001x.seg",
                                          "+00001.seg",
                                          "-00001.seg",
                                          " 00001.seg",
                                          "000001.seg ",
                                          "000001.SEG",
                                          "000001",
                                          "000001.hint.bak",
                                          "4294967296.seg",
                                          "99999999999999999999.seg",
                                          "MANIFEST",
                                          "MANIFEST-",
                                          "MANIFEST-12",
                                          "MANIFEST-18446744073709551616",
                                          "MANIFEST-000001.old",
                                          std::string("000001.seg\0", 11)};
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(parse_name(name).kind == FileKind::kForeign);
    CHECK(parse_name(name).number == 0);
  }
}
