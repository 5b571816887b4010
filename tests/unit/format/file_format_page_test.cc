// docs/file-format.md shows the golden bytes; this keeps the two the same.

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/golden.h"

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(std::string(KV_SOURCE_DIR) + "/" + path);
  REQUIRE(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// "0008  4b 76": an offset, two spaces, a byte.
bool is_hex_line(std::string_view line) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  return line.size() >= 8 && std::all_of(line.begin(), line.begin() + 4, is_hex) &&
         line.substr(4, 2) == "  " && is_hex(line[6]) && is_hex(line[7]);
}

}  // namespace

TEST_CASE("every worked example of the format's page is one of the golden files") {
  const std::vector<std::string> page = lines_of("docs/file-format.md");
  std::size_t shown = 0;
  for (const char* name : {"segment-header", "record-put", "record-sync-mark", "record-config",
                           "session", "hint", "checkpoint", "manifest"}) {
    CAPTURE(name);
    const auto golden = lines_of(std::string("tests/golden/") + name + ".hex");
    CHECK(std::search(page.begin(), page.end(), golden.begin(), golden.end()) != page.end());
    shown += static_cast<std::size_t>(std::count_if(golden.begin(), golden.end(), is_hex_line));
  }
  CHECK(std::count_if(page.begin(), page.end(), is_hex_line) == static_cast<std::ptrdiff_t>(shown));
}

TEST_CASE("the texts on the format's page are the golden ones") {
  std::string page;
  for (const std::string& line : lines_of("docs/file-format.md")) page += line + "\n";
  for (const char* name : {"identity.hex", "identity-member.hex", "current.hex"}) {
    CAPTURE(name);
    CHECK(page.find("```\n" + kv::test::load_golden(name) + "```\n") != std::string::npos);
  }
}
