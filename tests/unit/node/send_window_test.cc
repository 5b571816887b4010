#include "node/send_window.h"

#include <algorithm>
#include <cstdint>
#include <deque>

#include <doctest/doctest.h>

using kv::node::SendWindow;
using kv::raft::Instant;

namespace {

constexpr std::uint64_t kElectionUs = 1'000'000;
constexpr std::uint64_t kSecondUs = 1'000'000;

// Bytes that leave one after the other, at a rate, and arrive a while later.
struct Link {
  std::uint64_t rate = 0;       // bytes a second
  std::uint64_t way_us = 0;     // there and back
  std::uint64_t now_us = 1000;  // any time
  std::uint64_t free_us = 0;    // when all that was sent has left
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;
  std::uint64_t longest_us = 0;  // that a word would have waited to leave
  struct Piece {
    std::uint64_t end = 0;
    std::uint64_t acknowledged_us = 0;
  };
  std::deque<Piece> pieces = {};
  SendWindow window = SendWindow(kElectionUs);

  Instant now() const { return {now_us, now_us}; }
  void fill() {
    while (sent - arrived < window.size()) {
      const std::uint64_t size = window.piece_size();
      free_us = std::max(free_us, now_us) + size * kSecondUs / rate;
      longest_us = std::max(longest_us, free_us - now_us);
      sent += size;
      pieces.push_back({sent, free_us + way_us});
      window.sent(sent, sent - arrived, now());
    }
  }
  void run(std::uint64_t time_us) {
    longest_us = 0;
    const std::uint64_t end_us = now_us + time_us;
    for (fill(); pieces.front().acknowledged_us < end_us; fill()) {
      now_us = pieces.front().acknowledged_us;
      arrived = pieces.front().end;
      pieces.pop_front();
      window.acknowledged(arrived, now());
    }
    now_us = end_us;
  }
};

}  // namespace

TEST_CASE("over a fast network as much is on its way as may be") {
  Link link{.rate = 1'000'000'000, .way_us = 200};
  link.run(kSecondUs);
  CHECK(link.window.size() == SendWindow::kMax);
  CHECK(link.window.piece_size() == SendWindow::kPieceMax);
}

TEST_CASE("over a slow network nothing waits long, and the network is never idle") {
  Link link;
  SUBCASE("next to nothing") { link.rate = 40'000; }
  SUBCASE("slow") { link.rate = 300'000; }
  SUBCASE("not that slow") { link.rate = 3'000'000; }
  SUBCASE("and far") {
    link.rate = 1'000'000;
    link.way_us = 200'000;
  }
  link.run(20 * kSecondUs);
  CHECK(link.longest_us <= kElectionUs / 2);
  const std::uint64_t before = link.arrived;
  link.run(20 * kSecondUs);
  CHECK(link.longest_us <= kElectionUs / 2);
  CHECK(link.arrived - before >= 20 * link.rate * 9 / 10);
}

TEST_CASE("over a long way much is on its way") {
  Link link{.rate = 1'000'000'000, .way_us = 300'000};
  link.run(20 * kSecondUs);
  CHECK(link.window.size() == SendWindow::kMax);
}

TEST_CASE("a network that becomes slow is noticed with the first piece that is late") {
  Link link{.rate = 100'000'000, .way_us = 200};
  link.run(kSecondUs);
  REQUIRE(link.window.size() == SendWindow::kMax);
  link.rate = 300'000;
  link.run(5 * kSecondUs);
  CHECK(link.window.size() <= link.rate / 4 + SendWindow::kPieceMin);
  link.run(5 * kSecondUs);
  CHECK(link.longest_us <= kElectionUs / 2);
  link.rate = 100'000'000;
  link.run(5 * kSecondUs);
  CHECK(link.window.size() == SendWindow::kMax);
}

TEST_CASE("one piece may be on its way whatever it takes") {
  Link link{.rate = 500, .way_us = 200};
  link.run(100 * kSecondUs);
  CHECK(link.window.size() == SendWindow::kPieceMin);
  CHECK(link.arrived > 0);
}

TEST_CASE("nothing is learnt from what was sent before a loss") {
  SendWindow window(kElectionUs);
  const std::uint64_t before = window.size();
  window.sent(4096, 4096, {1000, 1000});
  window.forget();
  window.acknowledged(4096, {9'000'000, 9'000'000});
  CHECK(window.size() == before);
  window.sent(8192, 4096, {9'000'000, 9'000'000});
  window.acknowledged(8192, {9'000'100, 9'000'100});
  CHECK(window.size() > before);
}
