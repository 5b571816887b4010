#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "peer/gather.h"

namespace kv::cluster {

// What waits to be written to one connection. Pieces of files let everything else pass, and go one
// at a time, so that a heartbeat waits for one of them at most, however many there are.
//
// Memory: bounded by whoever pushes. One thread.
class FrameQueue {
 public:
  static constexpr std::size_t kTakeMax = std::size_t{1} << 20;  // bytes

  void push(peer::Gather frame);
  void push_chunk(peer::Gather frame);
  // What goes next, in one write: frames of kTakeMax together, or one that is larger; or one chunk.
  // Empty: nothing waits.
  std::vector<peer::Gather> take();
  void clear();
  std::size_t bytes() const { return bytes_; }

 private:
  peer::Gather pop(std::deque<peer::Gather>& frames);

  std::deque<peer::Gather> frames_;
  std::deque<peer::Gather> chunks_;
  std::size_t bytes_ = 0;
};

}  // namespace kv::cluster
