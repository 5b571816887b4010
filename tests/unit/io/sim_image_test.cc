#include "io/sim_image.h"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

namespace kv::io {

TEST_CASE("an image holds what a string would, across pages, holes and cuts") {
  std::mt19937_64 random(7);
  SimImage image;
  std::string model;
  for (int step = 0; step < 400; ++step) {
    CAPTURE(step);
    const std::size_t offset = random() % 20'000;
    if (random() % 4 == 0) {
      image.resize(offset);
      model.resize(offset, '\0');
    } else {
      const std::string bytes(random() % 9'000, static_cast<char>('a' + step % 26));
      image.write(offset, bytes);
      if (!bytes.empty()) {
        model.resize(std::max(model.size(), offset + bytes.size()), '\0');
        model.replace(offset, bytes.size(), bytes);
      }
    }
    REQUIRE(image.text() == model);
    std::string piece(6'000, '?');
    const std::size_t from = random() % 25'000;
    piece.resize(image.read(from, piece.data(), piece.size()));
    REQUIRE(piece == (from < model.size() ? model.substr(from, 6'000) : ""));
  }
}

TEST_CASE("a copy keeps what it saw, whichever side changes") {
  SimImage image;
  image.write(0, std::string(10'000, 'a'));
  SimImage copy = image;
  image.write(5'000, "new");
  CHECK(copy.text() == std::string(10'000, 'a'));
  copy.resize(100);
  copy.resize(200);
  CHECK(copy.text() == std::string(100, 'a') + std::string(100, '\0'));
  CHECK(image.text().substr(0, 5'003) == std::string(5'000, 'a') + "new");
}

}  // namespace kv::io
