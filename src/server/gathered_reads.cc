#include "server/gathered_reads.h"

namespace kv::server {

void GatheredReads::add(std::string_view key, std::string_view tag) {
  reads_.push_back({bytes_.size(), key.size(), tag.size()});
  bytes_.append(key).append(tag);
}

std::span<const std::string_view> GatheredReads::keys() {
  keys_.clear();
  for (std::size_t i = front_; i < reads_.size(); ++i) keys_.push_back(key_of(reads_[i]));
  return keys_;
}

void GatheredReads::pop() {
  front_ += 1;
  if (!empty()) return;
  reads_.clear();
  bytes_.clear();
  front_ = 0;
  if (bytes_.capacity() > kBytesMax) std::string().swap(bytes_);
}

}  // namespace kv::server
