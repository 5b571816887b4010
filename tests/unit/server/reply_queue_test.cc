#include "server/reply_queue.h"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

#include "support/seed.h"

using kv::server::OutputBuffer;
using kv::server::ReplyQueue;

TEST_CASE("replies leave in the order of their requests, whatever the order they become known in") {
  const std::uint64_t seed = kv::test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  OutputBuffer output;
  ReplyQueue queue(output);
  std::string expected;
  std::vector<std::pair<std::uint64_t, int>> pending;
  const auto complete_one = [&](std::size_t index) {
    const auto [number, value] = pending[index];
    CHECK(queue.pending(number).count == static_cast<std::uint64_t>(value));
    queue.complete(number, [text = std::to_string(value)](std::string& out) { out += text + ","; });
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(index));
  };
  for (int i = 0; i < 20'000; ++i) {
    expected += std::to_string(i) + ",";
    if (random() % 3 == 0) {
      queue.add([&](std::string& out) { out += std::to_string(i) + ","; });
    } else {
      kv::server::PendingWrite write;
      write.count = static_cast<std::uint64_t>(i);
      pending.emplace_back(queue.add_pending(std::move(write)), i);
    }
    while (!pending.empty() && random() % 2 == 0) complete_one(random() % pending.size());
    if (random() % 5000 == 0) {
      while (!pending.empty()) complete_one(0);
      CHECK(queue.empty());
    }
  }
  while (!pending.empty()) complete_one(pending.size() - 1);
  CHECK(queue.empty());
  CHECK(queue.size() == 0);
  CHECK((output.text() == expected.substr(expected.size() - output.text().size())));
  CHECK(output.size() == expected.size());
}

TEST_CASE("nothing overtakes a reply that is awaited") {
  OutputBuffer output;
  ReplyQueue queue(output);
  queue.add([](std::string& out) { out += "a"; });
  CHECK(output.size() == 1);
  const auto number = queue.add_pending({});
  queue.add([](std::string& out) { out += "c"; });
  CHECK(output.size() == 1);
  CHECK(queue.size() == 2);
  CHECK(queue.text_size() == 1);
  CHECK(queue.memory_used() > 2 * sizeof(kv::server::PendingWrite));
  queue.complete(number, [](std::string& out) { out += "b"; });
  CHECK(output.text() == "abc");
  CHECK(queue.text_size() == 0);
  CHECK(queue.memory_used() == 0);
}
