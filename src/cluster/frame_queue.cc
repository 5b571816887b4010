#include "cluster/frame_queue.h"

#include <utility>

namespace kv::cluster {

void FrameQueue::push(peer::Gather frame) {
  bytes_ += frame.size();
  frames_.push_back(std::move(frame));
}

void FrameQueue::push_chunk(peer::Gather frame) {
  bytes_ += frame.size();
  chunks_.push_back(std::move(frame));
}

std::vector<peer::Gather> FrameQueue::take() {
  std::vector<peer::Gather> taken;
  std::size_t size = 0;
  while (!frames_.empty() && (taken.empty() || size + frames_.front().size() <= kTakeMax)) {
    size += frames_.front().size();
    taken.push_back(pop(frames_));
  }
  if (taken.empty() && !chunks_.empty()) taken.push_back(pop(chunks_));
  return taken;
}

peer::Gather FrameQueue::pop(std::deque<peer::Gather>& frames) {
  peer::Gather frame = std::move(frames.front());
  frames.pop_front();
  bytes_ -= frame.size();
  return frame;
}

void FrameQueue::clear() {
  frames_.clear();
  chunks_.clear();
  bytes_ = 0;
}

}  // namespace kv::cluster
