#include "bench/judge.h"

#include <algorithm>

namespace kv::bench {

namespace {

using Kind = Answer::Kind;

Outcome judge_read(const Target& target, const Pending& pending, const Answer& answer) {
  if (answer.kind == Kind::kMissing) return Outcome::kMissing;
  const bool is_right =
      answer.kind == Kind::kValue && target.values().is_right(pending.key, answer.value);
  return is_right ? Outcome::kRight : Outcome::kWrong;
}

// Other keys may lie between ours; ours come without a gap as far as they are known to be there.
bool is_item_right(const Target& target, const Pending& pending, const Answer& answer) {
  const auto number = target.names().number(answer.key);
  if (!number) return true;
  if (*number < pending.next_key) return false;
  if (pending.next_key < pending.keys && *number != pending.next_key) return false;
  return target.values().is_right(*number, answer.value);
}

Outcome judge_scan(const Target& target, Pending& pending, const Answer& answer) {
  if (answer.kind == Kind::kItem) {
    if (!is_item_right(target, pending, answer)) pending.is_wrong = true;
    pending.items += 1;
    if (const auto number = target.names().number(answer.key)) pending.next_key = *number + 1;
    return Outcome::kUnfinished;
  }
  if (answer.kind != Kind::kEnd || pending.is_wrong) return Outcome::kWrong;
  // A server may end a page early, if it says that there is more.
  const std::uint32_t there = std::min(pending.scan_length, pending.keys - pending.key);
  const bool is_whole = pending.items >= there || answer.has_more;
  return is_whole && pending.items <= pending.scan_length ? Outcome::kRight : Outcome::kWrong;
}

}  // namespace

Outcome judge(const Target& target, Pending& pending, const Answer& answer) {
  if (answer.kind == Kind::kRefused) {
    return answer.is_elsewhere ? Outcome::kUnserved : Outcome::kRefused;
  }
  switch (pending.operation) {
    case Operation::kRead:
      return judge_read(target, pending, answer);
    case Operation::kScan:
      return judge_scan(target, pending, answer);
    case Operation::kReadModifyWrite:
      if (!pending.is_written) {
        const Outcome read = judge_read(target, pending, answer);
        pending.is_written = read == Outcome::kRight;
        return pending.is_written ? Outcome::kUnfinished : read;
      }
      break;
    case Operation::kUpdate:
    case Operation::kInsert:
      break;
  }
  return answer.kind == Kind::kWritten ? Outcome::kRight : Outcome::kWrong;
}

}  // namespace kv::bench
