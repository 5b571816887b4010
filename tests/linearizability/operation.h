#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "kv/options.h"

namespace kv::linearizability {

// One request of a client and what it was told.
struct Operation {
  enum class Kind { kGet, kPut, kDelete, kBatch };
  enum class Outcome {
    kOk,
    kNotFound,  // GET DEL
    kConflict,  // a condition that did not hold: it tells the version there was
    kFailed,    // for certain nothing was done, nothing was told
    kUnknown,   // it may take effect at any time from the call on, or never
  };
  // What a GET was promised.
  enum class Read {
    kLinearizable,
    kSession,  // never older than what the same client was told before
    kStale,    // some value there was, however old
  };
  struct Pair {
    std::string key;
    std::string value;
    bool operator==(const Pair&) const = default;
  };
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::kGet;
  std::uint64_t client = 0;
  // Of one clock for all clients. An unknown outcome may come back at any time: return_ns is when
  // the client gave up, and is not looked at.
  std::uint64_t call_ns = 0;
  std::uint64_t return_ns = kNever;
  std::string key;          // not of a batch
  std::string value;        // PUT: written; GET: read
  std::vector<Pair> batch;  // of two pairs with the same key the last one counts
  Condition condition;      // PUT DEL
  Read read = Read::kLinearizable;
  bool is_local = false;  // a write that asked for ack=local; see weaken_local() in history.h

  Outcome outcome = Outcome::kUnknown;
  // `ver=` of the answer: of a write its own, of GET and CONFLICT the one found (CONFLICT 0: none).
  // An unknown write may have one, too: what it has if it took effect.
  std::optional<Version> version;
  std::string reason;  // kFailed: a word such as NOT_LEADER; may be empty

  bool is_write() const { return kind != Kind::kGet; }
  bool is_done() const { return outcome == Outcome::kOk; }
  bool is_unknown() const { return outcome == Outcome::kUnknown; }
};

// The line of a history file; see history_file.h.
std::string describe(const Operation& operation);

}  // namespace kv::linearizability
