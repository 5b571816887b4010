#include "cli/data_option.h"

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

namespace {

// What becomes of --data with these flags, or what is wrong with it.
std::string data_of(const std::vector<std::string>& flags, const char* variable = nullptr) {
  CLI::App app;
  std::string data = "default";
  const CLI::Option* const option = kv::cli::add_data_option(app, data, "");
  if (variable != nullptr) ::setenv("KV_DATA", variable, 1);
  try {
    app.parse(std::vector<std::string>(flags.rbegin(), flags.rend()));
    kv::cli::refuse_empty_variable(*option);
  } catch (const CLI::ParseError& error) {
    data = error.what();
  }
  ::unsetenv("KV_DATA");
  return data;
}

}  // namespace

TEST_CASE("--data goes over KV_DATA, KV_DATA over the default") {
  CHECK(data_of({}) == "default");
  CHECK(data_of({}, "variable") == "variable");
  CHECK(data_of({"--data", "flag"}, "variable") == "flag");
}

TEST_CASE("a directory without a name is refused wherever it counts") {
  CHECK(data_of({"--data", ""}) == "--data: the name of the directory is empty");
  CHECK(data_of({}, "") == "--data: the name of the directory is empty");
  CHECK(data_of({"--data", "flag"}, "") == "flag");
}
