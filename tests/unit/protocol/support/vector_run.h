#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/vector_file.h"

// What a parser alone makes of the bytes of a vector.
struct Outcome {
  std::vector<std::string> events;  // "+..." describes a request, everything else is a refusal
  bool is_fatal = false;
  bool is_mid_request = false;
  bool has_quit = false;  // nothing behind QUIT was parsed

  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of the sizes that `piece` gives, as a server would.
Outcome run(std::string_view bytes, const std::function<std::size_t()>& piece);

// The refusals among the expected replies are the parser's, one for one, the other replies belong
// to one request each, and the connection ends as the vector says.
void check_outcome(const kv::protocol::VectorCase& vector, const Outcome& outcome);
