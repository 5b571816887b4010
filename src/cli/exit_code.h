#pragma once

#include "kv/result.h"

namespace kv::cli {

// What `kv` ends with; docs/cli.md.
enum ExitCode : int {
  kExitOk = 0,
  kExitServerError = 1,  // the server said ERR, or `kv start` could not
  kExitUsage = 2,        // a flag, argument or config entry is wrong
  kExitNotFound = 3,
  kExitConflict = 4,
  kExitTryLater = 5,
  kExitIntegrity = 6,  // data are damaged, or of a newer kv
  kExitNoConnection = 7,
  kExitUnknownOutcome = 8,  // the write may have been applied
  kExitDenied = 9,
  kExitInterrupted = 130,
};

inline ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case Errc::kConflict:
      return kExitConflict;
    case Errc::kTryLater:
    case Errc::kNotLeader:
    case Errc::kWouldBlock:
      return kExitTryLater;
    case Errc::kCorruption:
    case Errc::kNewerFormat:
      return kExitIntegrity;
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kProtocol:
      return kExitNoConnection;
    case Errc::kUnknownOutcome:
      return kExitUnknownOutcome;
    case Errc::kInvalidArgument:
    case Errc::kIo:
    case Errc::kNoSpace:
    case Errc::kReadOnly:
    case Errc::kLocked:
    case Errc::kNotADatabase:
    case Errc::kClosed:
    case Errc::kServer:
    case Errc::kSessionExpired:
    case Errc::kRequestForgotten:
      return kExitServerError;
  }
  return kExitServerError;
}

}  // namespace kv::cli
