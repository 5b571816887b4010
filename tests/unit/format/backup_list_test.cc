#include "format/backup_list.h"

#include <doctest/doctest.h>

#include "tests/support/damage.h"

using kv::format::BackupList;
using kv::format::decode_backup_list;
using kv::format::encode_backup_list;

namespace {

BackupList some_list() {
  BackupList list;
  list.database_id = "00112233445566778899aabbccddeeff";
  list.manifest_number = 3;
  list.version = 1042;
  list.files = {{"000001.seg", 134217732, 0x89abcdef01234567}, {"IDENTITY", 120, 7}};
  return list;
}

}  // namespace

TEST_CASE("a backup list reads as it was written") {
  const auto read = decode_backup_list(encode_backup_list(some_list()));
  REQUIRE(read.has_value());
  CHECK(*read == some_list());
  CHECK(*decode_backup_list(encode_backup_list({})) == BackupList{});
}

TEST_CASE("every flipped byte and every cut of a backup list is found") {
  const std::string text = encode_backup_list(some_list());
  kv::test::each_flip(text, [](const std::string& damaged, std::size_t) {
    CHECK_FALSE(decode_backup_list(damaged).has_value());
  });
  kv::test::each_cut(
      text, [](const std::string& cut) { CHECK_FALSE(decode_backup_list(cut).has_value()); });
}

TEST_CASE("a name with a folder in it is never taken from a backup list") {
  BackupList list = some_list();
  list.files[0].name = "../escape";
  const auto read = decode_backup_list(encode_backup_list(list));
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == kv::Errc::kCorruption);
}
