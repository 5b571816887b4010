// docs/peer-protocol.md shows golden bytes; this keeps the two the same.

#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(KV_SOURCE_DIR) + "/" + path);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the worked example of the protocol's page is the golden file") {
  const std::string golden = text_of("tests/golden/peer-append.hex");
  CHECK(text_of("docs/peer-protocol.md").find("```\n" + golden + "```\n") != std::string::npos);
}
