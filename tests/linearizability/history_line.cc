#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "tests/linearizability/history_file.h"
#include "tests/linearizability/word.h"

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

tl::unexpected<Error> wrong(std::string what) {
  return tl::unexpected(Error{.code = Errc::kInvalidArgument, .context = std::move(what)});
}

Result<std::uint64_t> number(std::string_view word, std::string_view what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    return wrong(fmt::format("{} is no number: '{}'", what, word));
  }
  return value;
}

// The words of a line, taken one by one.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  bool has_more() const { return !rest_.empty(); }
  std::string_view peek() const { return rest_.substr(0, rest_.find(' ')); }
  std::string_view take() {
    const std::string_view word = peek();
    rest_.remove_prefix(std::min(rest_.size(), word.size() + 1));
    return word;
  }
  // The rest of the next word behind `prefix`, if it begins with that.
  std::optional<std::string_view> take_option(std::string_view prefix) {
    if (!peek().starts_with(prefix)) return std::nullopt;
    return take().substr(prefix.size());
  }
  Result<void> take_bytes(std::string_view what, std::string& bytes) {
    if (!has_more() || peek() == "=") return wrong(fmt::format("the {} is missing", what));
    auto read = unquoted(take());
    if (!read) return tl::unexpected(std::move(read).error());
    bytes = *std::move(read);
    return {};
  }

 private:
  std::string_view rest_;
};

Result<void> read_condition(Words& words, Operation& operation) {
  const auto given = words.take_option("if=");
  if (!given) return {};
  Condition& condition = operation.condition;
  if (operation.kind == Kind::kPut && *given == "absent") {
    condition.kind = Condition::Kind::kAbsent;
  } else if (operation.kind == Kind::kPut && *given == "present") {
    condition.kind = Condition::Kind::kPresent;
  } else {
    const auto version = number(*given, "the version of if=");
    if (!version) return tl::unexpected(version.error());
    condition = {.kind = Condition::Kind::kVersion, .version = *version};
  }
  return {};
}

Result<void> read_batch(Words& words, Operation& operation) {
  do {
    Operation::Pair pair;
    if (auto key = words.take_bytes("key", pair.key); !key) return key;
    if (auto value = words.take_bytes("value", pair.value); !value) return value;
    operation.batch.push_back(std::move(pair));
  } while (words.has_more() && words.peek() != "=" && words.peek() != "ack=local");
  return {};
}

Result<void> read_options(Words& words, Operation& operation) {
  if (operation.kind == Kind::kGet) {
    const auto read = words.take_option("read=");
    if (!read) return {};
    if (*read != "session" && *read != "stale") return wrong(fmt::format("unknown read={}", *read));
    operation.read = *read == "stale" ? Operation::Read::kStale : Operation::Read::kSession;
    return {};
  }
  if (operation.kind != Kind::kBatch) {
    if (auto condition = read_condition(words, operation); !condition) return condition;
  }
  if (words.peek() == "ack=local") {
    words.take();
    operation.is_local = true;
  }
  return {};
}

Result<void> read_request(Words& words, Operation& operation) {
  const std::string_view verb = words.take();
  if (verb == "BPUT") {
    operation.kind = Kind::kBatch;
    if (auto batch = read_batch(words, operation); !batch) return batch;
    return read_options(words, operation);
  }
  if (verb == "PUT") {
    operation.kind = Kind::kPut;
  } else if (verb == "DEL") {
    operation.kind = Kind::kDelete;
  } else if (verb == "GET") {
    operation.kind = Kind::kGet;
  } else {
    return wrong(fmt::format("unknown request '{}'", verb));
  }
  if (auto key = words.take_bytes("key", operation.key); !key) return key;
  if (operation.kind == Kind::kPut) {
    if (auto value = words.take_bytes("value", operation.value); !value) return value;
  }
  return read_options(words, operation);
}

Result<void> read_answer(Words& words, Operation& operation) {
  if (words.take() != "=") return wrong("'=' and an answer do not follow the request");
  const std::string_view answer = words.take();
  const bool is_get = operation.kind == Kind::kGet;
  const bool is_conditional = operation.condition.kind != Condition::Kind::kAlways;
  if (answer == "FAILED") {
    operation.outcome = Outcome::kFailed;
    operation.reason = words.take();
    return {};
  }
  if (answer == "OK" && !is_get) {
    operation.outcome = Outcome::kOk;
  } else if (answer == "VALUE" && is_get) {
    operation.outcome = Outcome::kOk;
    if (auto value = words.take_bytes("value", operation.value); !value) return value;
  } else if (answer == "NOT_FOUND" && (is_get || operation.kind == Kind::kDelete)) {
    operation.outcome = Outcome::kNotFound;
  } else if (answer == "CONFLICT" && is_conditional) {
    operation.outcome = Outcome::kConflict;
  } else if (answer == "UNKNOWN") {
    operation.outcome = Outcome::kUnknown;
  } else {
    return wrong(fmt::format("no answer to this request: '{}'", answer));
  }
  if (const auto given = words.take_option("ver=")) {
    const auto version = number(*given, "ver=");
    if (!version) return tl::unexpected(version.error());
    operation.version = *version;
  }
  return {};
}

Result<void> read_times(Words& words, Operation& operation) {
  const auto client = number(words.take(), "the client");
  if (!client) return tl::unexpected(client.error());
  const auto call = number(words.take(), "the time of the call");
  if (!call) return tl::unexpected(call.error());
  operation.client = *client;
  operation.call_ns = *call;
  const std::string_view word = words.take();
  if (word == "-") return {};
  const auto end = number(word, "the time of the return");
  if (!end) return tl::unexpected(end.error());
  if (*end < *call) return wrong("it returns before it is called");
  operation.return_ns = *end;
  return {};
}

}  // namespace

Result<void> read_line(std::string_view line, History& history) {
  if (line.ends_with(' ')) return wrong("a blank at the end");
  Words words(line);
  if (words.peek() == "leader") {
    words.take();
    const auto time = number(words.take(), "the time");
    if (!time) return tl::unexpected(time.error());
    if (words.has_more()) return wrong("words behind the end");
    history.leader_changes.push_back(*time);
    return {};
  }
  Operation operation;
  if (auto times = read_times(words, operation); !times) return times;
  if (auto request = read_request(words, operation); !request) return request;
  if (auto answer = read_answer(words, operation); !answer) return answer;
  if (words.has_more()) return wrong(fmt::format("words behind the end: '{}'", words.peek()));
  if (operation.outcome == Outcome::kConflict && !operation.version) {
    return wrong("a CONFLICT without the version that was there");
  }
  const bool has_answer = !operation.is_unknown() && operation.outcome != Outcome::kFailed;
  if (has_answer && operation.return_ns == Operation::kNever) {
    return wrong("an answer without the time of the return");
  }
  history.operations.push_back(std::move(operation));
  return {};
}

}  // namespace kv::linearizability
