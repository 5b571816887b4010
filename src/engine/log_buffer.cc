#include "engine/log_buffer.h"

#include <algorithm>

namespace kv::engine {

char* LogBuffer::extend(std::size_t size) {
  if (chunks_.empty() || chunks_.back().capacity - chunks_.back().used < size) {
    const std::size_t capacity = std::max(size, kChunkSize);
    chunks_.push_back({std::unique_ptr<char[]>(new char[capacity]), capacity, 0});
  }
  Chunk& chunk = chunks_.back();
  char* const at = chunk.bytes.get() + chunk.used;
  chunk.used += size;
  size_ += size;
  const bool continues = !pieces_.empty() && pieces_.back().data() + pieces_.back().size() == at;
  if (continues) {
    pieces_.back() = std::string_view(pieces_.back().data(), pieces_.back().size() + size);
  } else {
    pieces_.emplace_back(at, size);
  }
  return at;
}

void LogBuffer::refer(std::string_view bytes, std::shared_ptr<const void> owner) {
  if (bytes.empty()) return;
  pieces_.push_back(bytes);
  owners_.push_back(std::move(owner));
  size_ += bytes.size();
}

void LogBuffer::clear() {
  if (chunks_.size() > 1 || (!chunks_.empty() && chunks_.front().capacity > kChunkSize)) {
    chunks_.clear();
  }
  if (!chunks_.empty()) chunks_.front().used = 0;
  pieces_.clear();
  owners_.clear();
  size_ = 0;
}

}  // namespace kv::engine
