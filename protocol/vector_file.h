#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"
#include "protocol/reply_pattern.h"

namespace kv::protocol {

// One conformance vector: what is sent on a fresh connection, and all that has to come back. The
// syntax of the files and how to run a case: vectors/README.md.
struct VectorCase {
  enum class Then { kOpen, kClose };

  std::string file;      // its name, without the folder
  std::size_t line = 0;  // of the title
  std::string title;
  std::string sent;
  bool ends_input = false;  // the client shuts its sending side down behind `sent`
  std::vector<ReplyPattern> expected;
  Then then = Then::kOpen;

  // The most that is worth sending one byte at a time.
  static constexpr std::size_t kBytewiseMax = 1024 * 1024;
  bool is_bytewise() const { return sent.size() <= kBytewiseMax; }
};

// What is sent behind a case that leaves the connection open, and must come back behind its
// replies: proof that the two sides are still in step.
inline constexpr std::string_view kProbe = "@probe PING\n";
inline constexpr std::string_view kProbeReply = "@probe OK\n";

// kInvalidArgument, with file and line: not a vector file.
Result<std::vector<VectorCase>> parse_vectors(std::string_view file, std::string_view text);
// Of all *.vec in `folder`, in the order of their names. kIo: it cannot be read; no file there is
// an error, too.
Result<std::vector<VectorCase>> load_vectors(const std::filesystem::path& folder);

// nullopt: `actual` is all that is expected and nothing else. Else what differs, for people.
std::optional<std::string> mismatch(const std::vector<ReplyPattern>& expected,
                                    std::string_view actual);
inline bool match(const std::vector<ReplyPattern>& expected, std::string_view actual) {
  return !mismatch(expected, actual);
}

}  // namespace kv::protocol
