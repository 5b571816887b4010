#include "cli/detach.h"

#include <unistd.h>

#include <doctest/doctest.h>

#include "cli/exit_code.h"

using kv::cli::run_detached;

TEST_CASE("detaching returns when the server is ready, whatever becomes of it later") {
  CHECK(run_detached([](const std::function<void()>& is_ready) {
          is_ready();
          return 1;
        }) == kv::cli::kExitOk);
}

TEST_CASE("a server that ends before it is ready was not started, also when it was told to stop") {
  const auto code_of = [](int code) {
    return run_detached([code](const std::function<void()>&) { return code; });
  };
  CHECK(code_of(kv::cli::kExitIntegrity) == kv::cli::kExitIntegrity);
  CHECK(code_of(kv::cli::kExitOk) == kv::cli::kExitServerError);
}
