#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/parser.h"
#include "protocol/vector_file.h"

// What a parser alone makes of some bytes.
struct Outcome {
  std::vector<std::string> events;  // described() of a request, else the refusal
  bool is_fatal = false;
  bool is_mid_request = false;
  bool has_quit = false;  // nothing behind QUIT was parsed

  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of the sizes that `piece` gives, as a server would.
Outcome run(std::string_view bytes, const std::function<std::size_t()>& piece,
            const kv::protocol::Limits& limits = {});
// The events of `bytes` in one piece, and "unfinished" if a request is under way behind them.
std::vector<std::string> whole(std::string_view bytes, const kv::protocol::Limits& limits = {});
// The same where there is one event.
std::string only(std::string_view bytes, const kv::protocol::Limits& limits = {});
// As much of `bytes` as the parser takes at once.
std::size_t feed(kv::protocol::RequestParser& parser, std::string_view bytes);

// "+PUT tag=t key=k ...": all that a request says.
std::string described(const kv::protocol::Request& request);

// The refusals among the expected replies are the parser's, one for one, the other replies belong
// to one request each, and the connection ends as the vector says.
void check_outcome(const kv::protocol::VectorCase& vector, const Outcome& outcome);
