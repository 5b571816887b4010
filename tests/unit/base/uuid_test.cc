#include "base/uuid.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace kv::base;

TEST_CASE("a uuid comes back from its text") {
  const Uuid uuid{.high = 0x0123456789abcdef, .low = 0x00000000000000ff};
  CHECK(to_hex(uuid) == "0123456789abcdef00000000000000ff");
  CHECK(uuid_from_hex(to_hex(uuid)) == uuid);
  CHECK(uuid_from_hex(to_hex(Uuid())) == Uuid());
}

TEST_CASE("only 32 lower-case hex digits are a uuid") {
  const std::string text = "0123456789abcdef0123456789abcdef";
  for (const std::string& other :
       {std::string(), text.substr(1), text + "0", "0123456789ABCDEF" + text.substr(16),
        "g" + text.substr(1), " " + text.substr(1), text.substr(0, 31) + "\n"}) {
    CAPTURE(other);
    CHECK_FALSE(uuid_from_hex(other));
  }
}

TEST_CASE("random uuids differ and are never nil") {
  std::set<Uuid> seen;
  for (int i = 0; i < 100; ++i) {
    const Uuid uuid = random_uuid();
    CHECK_FALSE(uuid.is_nil());
    seen.insert(uuid);
  }
  CHECK(seen.size() == 100);
  CHECK(Uuid().is_nil());
  CHECK_FALSE(Uuid{.high = 0, .low = 1}.is_nil());
  CHECK_FALSE(Uuid{.high = 1, .low = 0}.is_nil());
}
