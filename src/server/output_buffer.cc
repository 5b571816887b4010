#include "server/output_buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kv::server {

void OutputBuffer::seal() {
  if (open_.empty()) return;
  sealed_size_ += open_.size();
  sealed_.push_back(std::move(open_));
  open_ = {};
}

std::string& OutputBuffer::text() {
  if (open_.size() >= kBlockSize) seal();
  return open_;
}

void OutputBuffer::append(std::string block) {
  if (block.size() <= kSharedMax) {
    text() += block;
    return;
  }
  seal();
  sealed_size_ += block.size();
  sealed_.push_back(std::move(block));
}

void OutputBuffer::gather(std::vector<std::string_view>& pieces) const {
  pieces.clear();
  std::size_t skip = sent_of_front_;
  for (std::size_t i = front_; i < sealed_.size() && pieces.size() < kPiecesMax; ++i) {
    pieces.push_back(std::string_view(sealed_[i]).substr(std::exchange(skip, 0)));
  }
  if (pieces.size() < kPiecesMax && open_.size() > skip) {
    pieces.push_back(std::string_view(open_).substr(skip));
  }
}

void OutputBuffer::consume(std::size_t size) {
  KV_CHECK(size <= this->size());
  while (size > 0 && front_ < sealed_.size()) {
    const std::size_t left = sealed_[front_].size() - sent_of_front_;
    const std::size_t taken = std::min(left, size);
    size -= taken;
    sent_of_front_ += taken;
    if (taken < left) return;
    sent_of_front_ = 0;
    sealed_size_ -= sealed_[front_].size();
    std::string().swap(sealed_[front_]);
    front_ += 1;
  }
  if (front_ == sealed_.size() || front_ >= kPiecesMax) {
    sealed_.erase(sealed_.begin(), sealed_.begin() + static_cast<std::ptrdiff_t>(front_));
    front_ = 0;
  }
  sent_of_front_ += size;
  if (!sealed_.empty() || sent_of_front_ < open_.size()) return;
  sent_of_front_ = 0;
  open_.clear();
  // An idle connection keeps little.
  if (open_.capacity() > kIdleMax) std::string().swap(open_);
}

}  // namespace kv::server
