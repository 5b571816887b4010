#include "tests/linearizability/operation.h"

#include <fmt/format.h>

#include "tests/linearizability/word.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

std::string_view name_of(Outcome outcome, bool is_get) {
  switch (outcome) {
    case Outcome::kOk:
      return is_get ? "VALUE" : "OK";
    case Outcome::kNotFound:
      return "NOT_FOUND";
    case Outcome::kConflict:
      return "CONFLICT";
    case Outcome::kFailed:
      return "FAILED";
    case Outcome::kUnknown:
      break;
  }
  return "UNKNOWN";
}

std::string describe_condition(const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::kAlways:
      break;
    case Condition::Kind::kAbsent:
      return " if=absent";
    case Condition::Kind::kPresent:
      return " if=present";
    case Condition::Kind::kVersion:
      return fmt::format(" if={}", condition.version);
  }
  return {};
}

std::string describe_request(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kGet:
      return "GET " + quoted(operation.key);
    case Kind::kDelete:
      return "DEL " + quoted(operation.key);
    case Kind::kPut:
      return fmt::format("PUT {} {}", quoted(operation.key), quoted(operation.value));
    case Kind::kBatch:
      break;
  }
  std::string out = "BPUT";
  for (const auto& [key, value] : operation.batch) {
    out += fmt::format(" {} {}", quoted(key), quoted(value));
  }
  return out;
}

}  // namespace

std::string describe(const Operation& operation) {
  const bool is_get = operation.kind == Kind::kGet;
  std::string out = fmt::format("{} {} ", operation.client, operation.call_ns);
  out += operation.return_ns == Operation::kNever ? "-" : fmt::to_string(operation.return_ns);
  out += " " + describe_request(operation) + describe_condition(operation.condition);
  if (operation.is_local) out += " ack=local";
  if (operation.read == Operation::Read::kSession) out += " read=session";
  if (operation.read == Operation::Read::kStale) out += " read=stale";
  out += fmt::format(" = {}", name_of(operation.outcome, is_get));
  if (is_get && operation.is_done()) out += " " + quoted(operation.value);
  if (operation.version) out += fmt::format(" ver={}", *operation.version);
  if (!operation.reason.empty()) out += " " + operation.reason;
  return out;
}

}  // namespace kv::linearizability
