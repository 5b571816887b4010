#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kv::server {

// Replies on their way to one socket: bytes in, pieces for a gather write out. Small replies share
// a block, large values keep the memory they came in. One thread.
class OutputBuffer {
 public:
  static constexpr std::size_t kPiecesMax = 64;

  // Where the next reply is appended; valid until the next call of any method.
  std::string& text();
  // A whole block, not copied when it is large.
  void append(std::string block);

  std::size_t size() const { return sealed_size_ + open_.size() - sent_of_front_; }
  bool empty() const { return size() == 0; }

  // Replaces `pieces` by the first of them, at most kPiecesMax; valid until the next call.
  void gather(std::vector<std::string_view>& pieces) const;
  void consume(std::size_t size);

 private:
  static constexpr std::size_t kBlockSize = 64 * 1024;  // a block this long takes no more
  static constexpr std::size_t kIdleMax = 16 * 1024;    // memory kept when there is nothing to send
  static constexpr std::size_t kSharedMax = 8 * 1024;   // longer ones get a block of their own

  void seal();

  std::vector<std::string> sealed_;  // from front_ on, before open_
  std::size_t front_ = 0;
  std::size_t sealed_size_ = 0;
  std::string open_;
  std::size_t sent_of_front_ = 0;  // of the first block, be it sealed or open
};

}  // namespace kv::server
