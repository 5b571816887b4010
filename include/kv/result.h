#pragma once

#include <string>
#include <system_error>

#include <tl/expected.hpp>

namespace kv {

// What a caller may branch on. The text beside it (Error::context) is for people.
enum class Errc {
  kInvalidArgument = 1,  // a key, value, option or bound outside its documented range
  kConflict,             // a condition (`if=`) did not hold; nothing was written
  kCorruption,           // bytes that were complete once fail their checksum now
  kIo,                   // the operating system refused; `cause` says why
  kNoSpace,              // disk full; nothing was written, try again when there is room
  kUnknownOutcome,       // a write or sync failed half way: it may or may not survive a restart
  kReadOnly,             // an earlier failure stopped writes until the store is opened again
  kLocked,               // another process has the data directory open
  kNotADatabase,         // the directory holds something else; nothing was changed in it
  kNewerFormat,          // written by a newer kv; this one must not touch it
  kTryLater,             // a limit of memory or queue is reached; nothing was done
  kWouldBlock,           // asked not to wait for the disk, and the answer is not in memory
  kClosed,               // the store or connection is closed
  kUnavailable,          // cannot connect, or the connection broke before the request was sent
  kTimeout,              // no answer in time
  kProtocol,             // the peer does not speak this protocol
  kServer,               // the server answered ERR; the context holds its code and text
  kNotLeader,            // of a cluster: another node takes this, or now none; nothing was done
  kSessionExpired,       // there is no such session (any more); nothing was done
  kRequestForgotten,     // its answer is not kept any more, as the client said that it has it
};

struct Error {
  Errc code;
  std::string context;  // operation, file, offset: what a person needs at three in the morning
  std::error_code cause = {};  // the system's reason, if it had one
};

// One line for people: context, then the system's reason.
inline std::string describe(const Error& error) {
  if (!error.cause) return error.context;
  return error.context + ": " + error.cause.message();
}

template <class T>
using Result = tl::expected<T, Error>;

}  // namespace kv
