#include "engine/required_file.h"

#include <doctest/doctest.h>

#include "io/sim_file_system.h"
#include "support/stopped_database.h"

using kv::Errc;
using kv::engine::read_required_file;

TEST_CASE("a file that every database has is read, or its loss told as damage") {
  kv::io::SimFileSystem fs{1};
  REQUIRE(fs.create_dir("/db").has_value());
  const auto missing = read_required_file(fs, "/db/IDENTITY");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kCorruption);
  CHECK(describe(missing.error()) ==
        "/db/IDENTITY is missing, and the rest of a kv database is there");
  REQUIRE(kv::io::replace_file(fs, "/db/IDENTITY", "text").has_value());
  CHECK(read_required_file(fs, "/db/IDENTITY").value() == "text");
}

TEST_CASE_FIXTURE(kv::test::StoppedDatabase,
                  "a database that lacks one is not taken for something else, nor touched") {
  const auto before = contents();
  for (const std::string gone : {"CURRENT", "IDENTITY", "MANIFEST-000001"}) {
    CAPTURE(gone);
    std::filesystem::remove(path + "/" + gone);
    const auto left = contents();
    const auto refused = kv::Store::open(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kCorruption);
    CHECK(refused.error().context.starts_with(path + "/" + gone + " is missing"));
    auto now = contents();
    now["LOCK"] = left.at("LOCK");
    CHECK(now == left);
    write(gone, before.at(gone));
  }
  CHECK(kv::Store::open(path).has_value());
}
