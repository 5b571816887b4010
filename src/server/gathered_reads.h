#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kv::server {

// Requests of one connection for single values that came together and are read together, in order.
// Copies of their keys and tags, for the parser goes on meanwhile. One thread.
class GatheredReads {
 public:
  bool empty() const { return front_ == reads_.size(); }
  // No more of them, so that replies come in bounded pieces.
  bool is_full() const { return reads_.size() >= kReadsMax || bytes_.size() >= kBytesMax; }
  void add(std::string_view key, std::string_view tag);

  std::string_view key() const { return key_of(reads_[front_]); }  // of the first
  std::string_view tag() const { return tag_of(reads_[front_]); }
  // Of all, the first of them first; until the next call of another method.
  std::span<const std::string_view> keys();
  void pop();

 private:
  static constexpr std::size_t kReadsMax = 64;
  static constexpr std::size_t kBytesMax = 8 * 1024;

  struct Read {
    std::size_t at;  // of the key; the tag follows
    std::size_t key_size;
    std::size_t tag_size;
  };
  std::string_view key_of(const Read& read) const {
    return std::string_view(bytes_).substr(read.at, read.key_size);
  }
  std::string_view tag_of(const Read& read) const {
    return std::string_view(bytes_).substr(read.at + read.key_size, read.tag_size);
  }

  std::vector<Read> reads_;  // from front_ on
  std::size_t front_ = 0;
  std::string bytes_;
  std::vector<std::string_view> keys_;
};

}  // namespace kv::server
