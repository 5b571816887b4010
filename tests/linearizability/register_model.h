#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/linearizability/operation.h"

namespace kv::linearizability {

// What an operation is to one key: of a batch one of its pairs.
struct Part {
  std::size_t operation = 0;                     // its place in the history
  Operation::Kind kind = Operation::Kind::kGet;  // a batch is a PUT here
  Operation::Outcome outcome = Operation::Outcome::kUnknown;
  Condition condition;
  std::uint32_t value = 0;  // its number among the key's values
  std::optional<Version> version;
  std::uint64_t call_ns = 0;
  std::uint64_t return_ns = Operation::kNever;  // of an unknown one kNever

  bool is_unknown() const { return outcome == Operation::Outcome::kUnknown; }
  bool is_write_done() const {
    return outcome == Operation::Outcome::kOk && kind != Operation::Kind::kGet;
  }
};

// A key of kv as a sequential object: what it holds after some order of operations.
//
// Versions grow with every write, but not each is known: an unknown write, or a server that does
// not tell. Then `version` is the least there can be, and the first answer that tells it decides
// it.
//
// An unknown write need not be placed where nothing depends on it. So one is only ever placed right
// before an operation whose answer depends on it: `unseen` says that this operation is to come. No
// order is lost by that: one with the fewest unknown writes among those that explain the history
// has this form, as a write that is overwritten unseen, or shows what was there anyway, can be
// left out.
struct RegisterState {
  static constexpr std::uint32_t kAbsent = 0;
  enum class Unseen : std::uint8_t { kNone, kOverAbsent, kOverPresent };

  std::uint32_t value = kAbsent;
  Version version = 0;
  bool is_exact = true;
  Unseen unseen = Unseen::kNone;

  bool is_present() const { return value != kAbsent; }
  bool operator==(const RegisterState&) const = default;
};

// After `part` with the answer that it got; nullopt: it cannot have got that here. An unknown one
// is placed only where it has an effect.
std::optional<RegisterState> step(const RegisterState& before, const Part& part);

// `values` as in KeyHistory.
std::string describe(const RegisterState& state, const std::vector<std::string>& values);

}  // namespace kv::linearizability
