#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kv::etcd {

// The answer to one HTTP/1.1 request on a connection of its own, as its bytes come in: a status,
// headers of which only the length counts, and a body whose length is told or that comes in chunks
// (RFC 9112). Others are refused, as their end cannot be told from a broken connection.
//
// Bounds: kHeadMax, and kBodyMax for the body with all that belongs to its chunks.
class HttpAnswer {
 public:
  static constexpr std::size_t kHeadMax = 16 * 1024;
  static constexpr std::size_t kBodyMax = 256 * 1024;

  enum class State { kOpen, kComplete, kBroken };

  State take(std::string_view bytes);
  unsigned status() const { return status_; }
  const std::string& body() const { return body_; }    // once it is complete
  const std::string& cause() const { return cause_; }  // of kBroken

 private:
  enum class Step { kHead, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer };

  bool advance();
  bool read_head();
  bool read_header(std::string_view line);
  bool read_sized_body();
  bool read_chunk_size();
  bool read_chunk();
  bool read_chunk_end();
  bool read_trailer();
  std::optional<std::string> take_line();
  bool finish();
  bool fail(std::string cause);

  State state_ = State::kOpen;
  Step step_ = Step::kHead;
  std::string buffer_;     // what is not understood yet
  std::size_t taken_ = 0;  // bytes behind the head
  unsigned status_ = 0;
  std::optional<std::size_t> length_;
  bool is_chunked_ = false;
  std::size_t chunk_ = 0;  // what is left of it
  std::string body_;
  std::string cause_;
};

// A POST of JSON on such a connection.
std::string http_post(std::string_view host, std::string_view path, std::string_view body);

}  // namespace kv::etcd
