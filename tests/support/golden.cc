#include "tests/support/golden.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

namespace kv::test {
namespace {

std::runtime_error malformed(std::string_view name, const std::string& line) {
  return std::runtime_error(fmt::format("tests/golden/{}: malformed line: {}", name, line));
}

// Appends the bytes of one line without its comment.
void append_line(std::string& bytes, std::string_view name, const std::string& line) {
  std::istringstream words(line.substr(0, line.find('#')));
  std::string word;
  if (!(words >> word)) return;
  if (std::stoull(word, nullptr, 16) != bytes.size()) throw malformed(name, line);
  while (words >> word) {
    std::size_t used = 0;
    const int value = std::stoi(word, &used, 16);
    if (word.size() != 2 || used != 2) throw malformed(name, line);
    bytes.push_back(static_cast<char>(value));
  }
}

int byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : -1;
}

}  // namespace

std::string load_golden(std::string_view name) {
  std::ifstream file(fmt::format("{}/tests/golden/{}", KV_SOURCE_DIR, name));
  if (!file) throw std::runtime_error(fmt::format("tests/golden/{}: cannot be read", name));
  std::string bytes;
  std::string line;
  while (std::getline(file, line)) append_line(bytes, name, line);
  return bytes;
}

std::string golden_difference(std::string_view name, std::string_view bytes) {
  const std::string golden = load_golden(name);
  const std::size_t size = std::max(golden.size(), bytes.size());
  for (std::size_t at = 0; at < size; ++at) {
    if (byte_at(golden, at) == byte_at(bytes, at)) continue;
    return fmt::format("{} at {:04x}: {:02x} in the file, {:02x} encoded (-1: the end)", name, at,
                       byte_at(golden, at), byte_at(bytes, at));
  }
  return {};
}

}  // namespace kv::test
