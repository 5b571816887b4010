// protocol/README.md against what the code and the vectors do.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "protocol/limits.h"
#include "protocol/request_options.h"
#include "protocol/vector_file.h"
#include "unit/protocol/support/parser_run.h"

using namespace kv::protocol;

namespace {

const std::string& page() {
  static const std::string text = [] {
    std::ifstream file(KV_SOURCE_DIR "/protocol/README.md");
    return std::string{std::istreambuf_iterator<char>(file), {}};
  }();
  REQUIRE_FALSE(text.empty());
  return text;
}

constexpr const char* kCapitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

// The words of these characters that stand behind `mark`.
std::set<std::string> words_behind(const std::string& text, const std::string& mark,
                                   const char* characters) {
  std::set<std::string> found;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const std::size_t end = std::min(text.find_first_not_of(characters, begin), text.size());
    if (end > begin) found.insert(text.substr(begin, end - begin));
  }
  return found;
}

std::string with_commas(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    if (at > 0 && (digits.size() - at) % 3 == 0) out += ',';
    out += digits[at];
  }
  return out;
}

}  // namespace

TEST_CASE("the specification's example is a vector, and the parser does what it says") {
  const std::size_t begin = page().find("```vec\n");
  REQUIRE(begin != std::string::npos);
  const std::size_t text = begin + std::string("```vec\n").size();
  const auto cases =
      parse_vectors("README.md", page().substr(text, page().find("```", text) - text));
  REQUIRE_MESSAGE(cases, cases.error().context);
  REQUIRE(cases->size() == 1);
  const VectorCase& example = cases->front();
  check_outcome(example, run(example.sent, [&] { return example.sent.size(); }));
}

TEST_CASE("every code that a vector expects is explained") {
  const auto vectors = load_vectors(KV_SOURCE_DIR "/protocol/vectors");
  REQUIRE(vectors);
  std::string replies;
  for (const VectorCase& vector : *vectors) {
    for (const ReplyPattern& pattern : vector.expected) replies.append(pattern.text()).append("\n");
  }
  const auto codes = words_behind(replies, "ERR ", kCapitals);
  CHECK(codes.size() > 8);
  for (const std::string& code : codes) {
    CAPTURE(code);
    CHECK(page().find(fmt::format("| `{}` |", code)) != std::string::npos);
  }
}

TEST_CASE("the verbs of the page are those of the parser") {
  const std::size_t begin = page().find("\n## Verbs");
  REQUIRE(begin != std::string::npos);
  const std::string section = page().substr(begin, page().find("\n## ", begin + 1) - begin);
  const auto verbs = words_behind(section, "\n| `", kCapitals);
  CHECK(verbs.size() == 18);
  for (const std::string& verb : verbs) {
    CAPTURE(verb);
    CHECK(find_verb(verb) != nullptr);
  }
}

TEST_CASE("the limits of the page are those of the code") {
  const Limits limits;
  for (const std::uint64_t limit : {std::uint64_t{limits.key_max}, std::uint64_t{limits.value_max},
                                    std::uint64_t{limits.batch_max}, limits.batch_bytes_max,
                                    limits.discard_max, std::uint64_t{limits.range_limit_max}}) {
    CAPTURE(limit);
    CHECK(page().find(with_commas(limit)) != std::string::npos);
  }
  for (const std::uint32_t limit :
       {limits.header_max, limits.subheader_max, limits.range_limit_default}) {
    CAPTURE(limit);
    CHECK(page().find(std::to_string(limit)) != std::string::npos);
  }
}

TEST_CASE("every row of the table of bad inputs stands on the page") {
  const auto rows = words_behind(page(), "\n| ", "0123456789");
  for (int row = 1; row <= 31; ++row) {
    if (row == 29) continue;  // shares a line with 28
    CAPTURE(row);
    CHECK(rows.count(std::to_string(row)) == 1);
  }
}
