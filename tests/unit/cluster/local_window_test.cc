#include "cluster/local_window.h"

#include <doctest/doctest.h>

using kv::cluster::LocalWindow;
using kv::raft::Instant;

TEST_CASE("the window ends by the oldest record that is not committed") {
  LocalWindow window(100);
  window.note(5, 5, {10, 10});
  CHECK(window.end(5) == Instant{110, 110});
  window.note(7, 5, {30, 30});  // 6 and 7 may be as old as the look before
  CHECK(window.end(5) == Instant{110, 110});
  window.note(9, 5, {50, 50});
  CHECK(window.end(5) == Instant{110, 110});
  CHECK(window.end(7) == Instant{130, 130});  // 8 came after that look
  window.note(9, 7, {70, 70});
  CHECK(window.end(7) == Instant{130, 130});
  CHECK(window.end(9) == Instant{170, 170});
  window.note(9, 9, {90, 90});
  CHECK(window.end(9) == Instant{190, 190});
}
