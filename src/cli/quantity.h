#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kv::cli {

// "64KiB", "1MB", "128": bytes. nullopt: no size.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "250ms", "5s", "1.5m", "2h"; without a unit seconds. nullopt: no duration from 1 ms to 1000
// hours.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// What is wrong with a count that a flag is given, empty if nothing is: it must be a whole number,
// at least `min`.
std::string problem_with_count(std::string_view text, std::uint64_t min);

// "1.5 GB" and the like.
std::string human_bytes(double bytes);
// 12 345 678
std::string human_count(std::uint64_t count);
// "1 record", "12 345 records".
std::string counted(std::uint64_t count, std::string_view noun);

}  // namespace kv::cli
