#include "engine/place.h"

#include <doctest/doctest.h>

using kv::engine::Place;

TEST_CASE("a place keeps slot and offset, and a size that is never too small") {
  for (std::uint64_t size = 1; size < 100'000'000; size += size / 3 + 1) {
    CAPTURE(size);
    const Place place(Place::kSlotMax, Place::kOffsetMax, size);
    CHECK(place.slot() == Place::kSlotMax);
    CHECK(place.offset() == Place::kOffsetMax);
    CHECK(place.size_hint() >= size);
    CHECK(place.size_hint() <= size + size / 64 + 8);
    CHECK(Place::from_bits(place.bits()) == place);
  }
  CHECK(Place(Place::kSlotMax, Place::kOffsetMax, 1) != Place());
}
