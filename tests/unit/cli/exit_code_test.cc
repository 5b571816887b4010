#include "cli/exit_code.h"

#include <doctest/doctest.h>

using kv::Errc;
using kv::cli::exit_code_of;

TEST_CASE("scripts can tell what failed from the exit code") {
  const auto code = [](Errc errc) { return static_cast<int>(exit_code_of({errc, "", {}})); };
  CHECK(code(Errc::kServer) == 1);
  CHECK(code(Errc::kInvalidArgument) == 1);
  CHECK(code(Errc::kNoSpace) == 1);
  CHECK(code(Errc::kReadOnly) == 1);
  CHECK(code(Errc::kConflict) == 4);
  CHECK(code(Errc::kTryLater) == 5);
  CHECK(code(Errc::kCorruption) == 6);
  CHECK(code(Errc::kNewerFormat) == 6);
  CHECK(code(Errc::kUnavailable) == 7);
  CHECK(code(Errc::kTimeout) == 7);
  CHECK(code(Errc::kProtocol) == 7);
  CHECK(code(Errc::kUnknownOutcome) == 8);
}
