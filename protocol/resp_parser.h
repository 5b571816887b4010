#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/receive_buffer.h"

namespace kv::protocol {

// Turns the bytes of one connection into commands of RESP, the protocol of Redis: arrays of bulk
// strings and, where allowed, inline commands. The contract is RequestParser's: no I/O, the same
// events however the bytes are split, and no memory on the word of a length.
class RespParser {
 public:
  enum class Event {
    kNeedBytes,
    kCommand,  // arguments() holds it
    kRefused,  // refusal() is the reply; the connection goes on
    kFatal,    // refusal() is the reply; then close, parse no more
  };
  // A browser, or a client with the wrong port, can be made to send lines, and Redis's inline
  // commands go on behind lines that are none. So TLS at the beginning is fatal, and so is HTTP on
  // any line.
  enum class Inline { kRefused, kAllowed };

  RespParser(const Limits& limits, Inline inline_commands)
      : limits_(limits), allows_inline_(inline_commands == Inline::kAllowed) {}

  // Where the next bytes go. Invalidates the last command's views.
  std::span<char> buffer();
  void commit(std::size_t size) { in_.commit(size); }

  // Invalidates the last command's views.
  Event next();
  // At least one. Hold until the next call, or as long as payload_owner() lives where it is set
  // (large commands).
  std::span<const std::string_view> arguments() const { return arguments_; }
  const std::shared_ptr<const void>& payload_owner() const { return payload_owner_; }
  std::string_view refusal() const { return refusal_; }

  // Of the command that is arriving, in bytes, as far as it was announced; 0 when it is dropped.
  std::uint64_t payload_pending() const;
  std::uint64_t memory_used() const;
  // Drops the command that is arriving as it comes; then kRefused with this whole reply.
  void refuse_current(std::string_view reply);
  bool is_mid_request() const;

 private:
  struct Argument {
    std::size_t at;  // behind the command's first byte
    std::size_t size;
  };
  enum class Step { kGoOn, kNeedBytes, kCommand, kRefused, kFatal };

  Step begin();
  Step take_inline(std::string_view bytes);
  Step take_array_header(std::string_view bytes);
  Step take_argument_header();
  Step take_argument();
  Step deliver();
  void forget_delivered();
  void reset();
  bool drop(std::size_t size);
  Step fatal(std::string_view text);
  Step fatal_raw(std::string_view reply);
  // The line that begins `at` bytes behind the command's first, without its line end; `next` is set
  // behind that. Nothing: it is not whole yet.
  bool take_line(std::size_t at, std::string_view& line, std::size_t& next);

  const Limits limits_;
  const bool allows_inline_;
  ReceiveBuffer in_;
  bool is_dead_ = false;
  bool has_spoken_ = false;  // a line or a number that is RESP's has come

  // The command under way.
  std::vector<Argument> found_;
  std::uint64_t expected_ = 0;   // arguments; 0: between commands
  std::uint64_t announced_ = 0;  // bytes of them
  std::size_t done_ = 0;         // its bytes in `in_` that were used
  std::uint64_t argument_size_ = 0;
  bool is_in_argument_ = false;
  bool is_dropped_ = false;
  std::uint64_t argument_dropped_ = 0;  // of the one under way, when it is dropped

  std::vector<std::string_view> arguments_;
  std::vector<std::string> inline_arguments_;
  std::shared_ptr<const void> payload_owner_;
  std::string refusal_;
  bool is_delivered_ = false;
  std::size_t delivered_ = 0;
};

// Splits an inline command into words; "quoted \x00 words" and 'words' as in the shell of Redis.
// False: unbalanced quotes.
bool split_inline(std::string_view line, std::vector<std::string>& words);

}  // namespace kv::protocol
