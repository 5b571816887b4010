#include "cluster/frame_queue.h"

#include <string>

#include <doctest/doctest.h>

using kv::cluster::FrameQueue;

namespace {

kv::peer::Gather frame_of(char mark, std::size_t size) {
  kv::peer::Gather frame;
  kv::peer::FrameWriter writer(frame, kv::peer::FrameType::kAppend);
  writer.copy(std::string(size, mark));
  writer.finish();
  return frame;
}

// The last byte of each frame that is taken.
std::string take(FrameQueue& queue) {
  std::string marks;
  for (const auto& frame : queue.take()) marks += frame.joined().back();
  return marks;
}

}  // namespace

TEST_CASE("pieces of files go one at a time, when nothing else waits") {
  FrameQueue queue;
  CHECK(take(queue).empty());
  for (const char mark : {'x', 'y', 'z'}) queue.push_chunk(frame_of(mark, 300));
  CHECK(take(queue) == "x");
  queue.push(frame_of('a', 200));
  queue.push(frame_of('b', 200));
  queue.push_chunk(frame_of('w', 300));
  CHECK(take(queue) == "ab");
  CHECK(take(queue) == "y");
  queue.push(frame_of('c', 200));
  CHECK(take(queue) == "c");
  CHECK(take(queue) == "z");
  CHECK(take(queue) == "w");
  CHECK(take(queue).empty());
  CHECK(queue.bytes() == 0);
}

TEST_CASE("one write is bounded, but for a frame that is larger") {
  FrameQueue queue;
  queue.push(frame_of('a', FrameQueue::kTakeMax * 2));
  queue.push(frame_of('b', FrameQueue::kTakeMax / 2));
  queue.push(frame_of('c', FrameQueue::kTakeMax / 4));
  queue.push(frame_of('d', FrameQueue::kTakeMax / 2));
  CHECK(take(queue) == "a");
  CHECK(take(queue) == "bc");
  CHECK(queue.bytes() == frame_of('d', FrameQueue::kTakeMax / 2).size());
  queue.push_chunk(frame_of('x', 300));
  queue.clear();
  CHECK(queue.bytes() == 0);
  CHECK(take(queue).empty());
}
