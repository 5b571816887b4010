#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"

namespace kv::protocol {

// Bytes as text, and back: printable ASCII stands for itself, the rest is \n \r \\ \xNN, and
// \(BYTES*COUNT) is BYTES, COUNT times.
Result<std::string> unescape_bytes(std::string_view text);
std::string escape_bytes(std::string_view bytes);

// One reply, or one line of one, as a conformance vector expects it: escaped bytes with wildcards
// where a server is free to say what it likes. What a `*` stands for depends on what is in front of
// it; vectors/README.md has the list.
class ReplyPattern {
 public:
  // kInvalidArgument: an escape or a wildcard that means nothing.
  static Result<ReplyPattern> parse(std::string_view text);

  // How many bytes of `actual` it takes from the front. nullopt: it does not fit.
  std::optional<std::size_t> match_front(std::string_view actual) const;
  // As it was written.
  const std::string& text() const { return text_; }

 private:
  enum class Kind {
    kBytes,     // these very bytes
    kNumber,    // =*      a decimal
    kText,      // " :*"   an error's text up to the line end, or nothing
    kLine,      // " *"    1 or more bytes up to the line end
    kInfo,      // INFO *  length, line end, as many bytes, line end
    kAnything,  // **      whatever comes to the end
  };
  struct Part {
    Kind kind;
    std::string bytes;
  };
  static Result<Part> parse_wildcard(std::string_view text, std::size_t at, std::string& before);
  static std::optional<std::size_t> match_part(const Part& part, std::string_view actual);

  std::string text_;
  std::vector<Part> parts_;
};

}  // namespace kv::protocol
