#include "peer/gather.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;

bool has_piece(const Gather& out, const std::string& bytes) {
  for (const std::string_view piece : out.pieces()) {
    if (piece.data() == bytes.data() && piece.size() == bytes.size()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("large bytes are referred to where they lie, small ones and orphans copied") {
  const auto large = std::make_shared<const std::string>(Gather::kReferredMin, 'l');
  const auto small = std::make_shared<const std::string>(Gather::kReferredMin - 1, 's');
  Gather out;
  for (int i = 0; i < 2; ++i) {
    FrameWriter frame(out, FrameType::kAppend);
    frame.zeros(100);
    frame.refer(*large, large);
    frame.refer(*small, small);
    frame.refer(*large, nullptr);
    frame.add(std::uint32_t{7});
    frame.finish();
  }
  CHECK(has_piece(out, *large));
  CHECK_FALSE(has_piece(out, *small));
  CHECK(out.pieces().size() == 5);  // what is copied is one piece, across frames
  const std::string payload =
      std::string(100, '\0') + *large + *small + *large + std::string("\7\0\0\0", 4);
  const std::string frame = kv::test::framed(FrameType::kAppend, payload);
  CHECK(out.joined() == frame + frame);
  CHECK(out.size() == 2 * frame.size());
}

TEST_CASE("what is referred to lives as long as the list") {
  auto bytes = std::make_shared<const std::string>(Gather::kReferredMin, 'x');
  const std::weak_ptr<const std::string> watch = bytes;
  {
    Gather out;
    FrameWriter frame(out, FrameType::kAppend);
    frame.zeros(80);
    const std::string_view view = *bytes;
    frame.refer(view, std::move(bytes));
    frame.finish();
    CHECK_FALSE(watch.expired());
  }
  CHECK(watch.expired());
}

TEST_CASE("an empty list has no pieces") {
  const Gather out;
  CHECK(out.empty());
  CHECK(out.pieces().empty());
}
