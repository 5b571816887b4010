#include "server/error_reply.h"

#include <doctest/doctest.h>

using kv::Errc;
using kv::Error;

namespace {

std::string reply(const Error& error) {
  std::string out;
  kv::server::append_store_error(out, "t", error);
  return out;
}

}  // namespace

TEST_CASE("each failure of the store has its code, and only an unknown outcome may be applied") {
  CHECK(reply({Errc::kConflict, "ver=7 not so", {}}) ==
        "@t ERR CONFLICT applied=no ver=7 :not so\n");
  CHECK(reply({Errc::kCorruption, "x", {}}) == "@t ERR CORRUPT applied=no :x\n");
  CHECK(reply({Errc::kNoSpace, "x", {}}) == "@t ERR NO_SPACE applied=no :x\n");
  CHECK(reply({Errc::kUnknownOutcome, "x", {}}) == "@t ERR UNKNOWN_OUTCOME applied=maybe :x\n");
  CHECK(reply({Errc::kReadOnly, "x", {}}) == "@t ERR READ_ONLY applied=no :x\n");
  CHECK(reply({Errc::kClosed, "x", {}}) == "@t ERR SHUTTING_DOWN applied=no :x\n");
  CHECK(reply({Errc::kInvalidArgument, "x", {}}) == "@t ERR BAD_ARG applied=no :x\n");
  CHECK(reply({Errc::kTryLater, "a=b x", {}}) ==
        "@t ERR TRY_LATER applied=no retry_ms=25 reason=queue :x\n");
  CHECK(reply({Errc::kTryLater, "reason=merge_debt merges are behind", {}}) ==
        "@t ERR TRY_LATER applied=no retry_ms=100 reason=merge_debt :merges are behind\n");
  CHECK(reply({Errc::kTryLater, "reason=behind at 7", {}}) ==
        "@t ERR TRY_LATER applied=no retry_ms=100 reason=behind :at 7\n");
  CHECK(reply({Errc::kTryLater, "reason=cluster nobody leads", {}}) ==
        "@t ERR TRY_LATER applied=no retry_ms=200 reason=cluster :nobody leads\n");
  CHECK(reply({Errc::kLocked, "x", {}}) == "@t ERR INTERNAL applied=no :x\n");
}

TEST_CASE("the system's reason is told, and the context's first words become fields") {
  const Error error{Errc::kIo, "segment=3 offset=64 read 3.seg",
                    std::make_error_code(std::errc::io_error)};
  CHECK(reply(error) ==
        "@t ERR INTERNAL applied=no segment=3 offset=64 :read 3.seg: Input/output error\n");
  CHECK(reply({Errc::kIo, "a=1", {}}) == "@t ERR INTERNAL applied=no a=1\n");
  CHECK(reply({Errc::kIo, "", {}}) == "@t ERR INTERNAL applied=no\n");
  CHECK(reply({Errc::kIo, "\xff=1 x", {}}) == "@t ERR INTERNAL applied=no :\xff=1 x\n");
}
