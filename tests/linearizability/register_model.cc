#include "tests/linearizability/register_model.h"

#include <fmt/format.h>

#include "tests/linearizability/word.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Unseen = RegisterState::Unseen;

// An answer told the version of the value that is there.
bool learn_version(RegisterState& state, Version version) {
  if (state.is_exact ? version != state.version : version < state.version) return false;
  state.version = version;
  state.is_exact = true;
  return true;
}

bool holds(RegisterState& state, const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::kAlways:
      break;
    case Condition::Kind::kAbsent:
      return !state.is_present();
    case Condition::Kind::kPresent:
      return state.is_present();
    case Condition::Kind::kVersion:
      return state.is_present() && learn_version(state, condition.version);
  }
  return true;
}

// CONFLICT with the version that was there, 0: none. A DEL of nothing is NOT_FOUND instead.
bool can_be_refused(RegisterState& state, const Part& part) {
  const Condition::Kind kind = part.condition.kind;
  if (part.version == Version{0}) {
    return !state.is_present() && part.kind == Kind::kPut && kind != Condition::Kind::kAbsent &&
           kind != Condition::Kind::kAlways;
  }
  if (!state.is_present() || !part.version || !learn_version(state, *part.version)) return false;
  return kind == Condition::Kind::kAbsent ||
         (kind == Condition::Kind::kVersion && state.version != part.condition.version);
}

// Whether an unknown write right before it was placed in vain.
bool leaves_unseen(const RegisterState& before, const Part& part) {
  if (before.unseen == Unseen::kNone) return false;
  if (part.kind == Kind::kGet || part.outcome == Outcome::kNotFound ||
      part.outcome == Outcome::kConflict) {
    return false;
  }
  const bool was_present = before.unseen == Unseen::kOverPresent;
  switch (part.condition.kind) {
    case Condition::Kind::kAlways:
      // A DEL that was done tells that something was there.
      return part.kind == Kind::kPut || part.is_unknown() || was_present;
    case Condition::Kind::kPresent:
      return was_present;
    case Condition::Kind::kAbsent:
    case Condition::Kind::kVersion:
      break;
  }
  return false;
}

bool write(RegisterState& state, const Part& part) {
  if (part.kind == Kind::kDelete && !state.is_present()) return false;
  if (!holds(state, part.condition)) return false;
  if (part.version && *part.version <= state.version) return false;
  state.version = part.version.value_or(state.version + 1);
  state.is_exact = part.version.has_value();
  state.value = part.kind == Kind::kDelete ? RegisterState::kAbsent : part.value;
  return true;
}

}  // namespace

std::optional<RegisterState> step(const RegisterState& before, const Part& part) {
  if (leaves_unseen(before, part)) return std::nullopt;
  RegisterState after = before;
  after.unseen = Unseen::kNone;
  bool is_possible = false;
  switch (part.outcome) {
    case Outcome::kOk:
      if (part.kind == Kind::kGet) {
        is_possible = after.is_present() && after.value == part.value &&
                      (!part.version || learn_version(after, *part.version));
      } else {
        is_possible = write(after, part);
      }
      break;
    case Outcome::kNotFound:
      is_possible = !after.is_present();
      break;
    case Outcome::kConflict:
      is_possible = can_be_refused(after, part);
      break;
    case Outcome::kUnknown:
      is_possible = write(after, part);
      after.unseen = before.is_present() ? Unseen::kOverPresent : Unseen::kOverAbsent;
      break;
    case Outcome::kFailed:
      break;
  }
  if (!is_possible) return std::nullopt;
  return after;
}

std::string describe(const RegisterState& state, const std::vector<std::string>& values) {
  std::string version;
  if (state.version > 0) {
    version = fmt::format(", version {}{}", state.version, state.is_exact ? "" : " or greater");
  }
  if (!state.is_present()) return "nothing" + version;
  return fmt::format("value {}{}", quoted(values[state.value]), version);
}

}  // namespace kv::linearizability
