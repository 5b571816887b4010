#include "bench/judge.h"

#include <doctest/doctest.h>

#include "bench/target_native.h"

using namespace kv::bench;
using Kind = Answer::Kind;

namespace {

const TargetNative kTarget(KeyNames(16), std::nullopt);

std::string value_of(std::uint32_t key) {
  std::string out;
  kTarget.values().append(out, key, 50, key);
  return out;
}

Pending pending_of(Operation operation, std::uint32_t key) {
  Pending pending;
  pending.operation = operation;
  pending.key = pending.next_key = key;
  pending.keys = 1000;
  pending.scan_length = 3;
  return pending;
}

Answer answer_of(Kind kind) {
  Answer answer;
  answer.kind = kind;
  return answer;
}

Outcome read_answered(std::string_view value) {
  Pending pending = pending_of(Operation::kRead, 5);
  Answer answer = answer_of(Kind::kValue);
  answer.value = value;
  return judge(kTarget, pending, answer);
}

// A scan of three keys from 5 on that is answered with these, of which `keys` are known.
Outcome scan_answered(const std::vector<std::uint32_t>& numbers, bool has_more = false,
                      std::uint32_t keys = 1000) {
  Pending pending = pending_of(Operation::kScan, 5);
  pending.keys = keys;
  for (const std::uint32_t number : numbers) {
    const std::string key = kTarget.names().name(number);
    const std::string value = value_of(number);
    Answer item = answer_of(Kind::kItem);
    item.key = key;
    item.value = value;
    CHECK(judge(kTarget, pending, item) == Outcome::kUnfinished);
  }
  Answer end = answer_of(Kind::kEnd);
  end.has_more = has_more;
  return judge(kTarget, pending, end);
}

}  // namespace

TEST_CASE("a read is right with its own key's value") {
  CHECK(read_answered(value_of(5)) == Outcome::kRight);
  CHECK(read_answered(value_of(6)) == Outcome::kWrong);
  CHECK(read_answered("") == Outcome::kRight);  // an empty value tells nothing
  Pending pending = pending_of(Operation::kRead, 5);
  CHECK(judge(kTarget, pending, answer_of(Kind::kMissing)) == Outcome::kMissing);
  CHECK(judge(kTarget, pending, answer_of(Kind::kWritten)) == Outcome::kWrong);
  CHECK(judge(kTarget, pending, answer_of(Kind::kRefused)) == Outcome::kRefused);
}

TEST_CASE("writes are right when they are acknowledged") {
  for (const auto operation : {Operation::kUpdate, Operation::kInsert}) {
    Pending pending = pending_of(operation, 5);
    CHECK(judge(kTarget, pending, answer_of(Kind::kWritten)) == Outcome::kRight);
    CHECK(judge(kTarget, pending, answer_of(Kind::kMissing)) == Outcome::kWrong);
    CHECK(judge(kTarget, pending, answer_of(Kind::kRefused)) == Outcome::kRefused);
  }
}

TEST_CASE("read, change, write back is finished by the write, or by a read that is not right") {
  Pending pending = pending_of(Operation::kReadModifyWrite, 5);
  const std::string value = value_of(5);
  Answer answer = answer_of(Kind::kValue);
  answer.value = value;
  CHECK(judge(kTarget, pending, answer) == Outcome::kUnfinished);
  CHECK(pending.is_written);
  CHECK(judge(kTarget, pending, answer_of(Kind::kWritten)) == Outcome::kRight);
  Pending missing = pending_of(Operation::kReadModifyWrite, 5);
  CHECK(judge(kTarget, missing, answer_of(Kind::kMissing)) == Outcome::kMissing);
}

TEST_CASE("a scan is right with all keys that are there, in order") {
  CHECK(scan_answered({5, 6, 7}) == Outcome::kRight);
  CHECK(scan_answered({5, 6}) == Outcome::kWrong);
  CHECK(scan_answered({5, 7, 8}) == Outcome::kWrong);
  CHECK(scan_answered({6, 7, 8}) == Outcome::kWrong);
  CHECK(scan_answered({5, 5, 6}) == Outcome::kWrong);
  CHECK(scan_answered({5, 6, 7, 8}) == Outcome::kWrong);
  CHECK(scan_answered({}) == Outcome::kWrong);
}

TEST_CASE("a scan may be cut short by the server, and end where the keys end") {
  CHECK(scan_answered({5, 6}, true) == Outcome::kRight);
  CHECK(scan_answered({5, 6}, false, 7) == Outcome::kRight);
  // Behind what is known to be there, inserts may be seen or not.
  CHECK(scan_answered({5, 6, 9}, false, 7) == Outcome::kRight);
}

TEST_CASE(
    "a scan with another key's value in it is wrong, keys that are not ours are let through") {
  Pending pending = pending_of(Operation::kScan, 5);
  const std::string value = value_of(9);
  Answer item = answer_of(Kind::kItem);
  item.value = value;
  item.key = "bench:0000000005x";
  CHECK(judge(kTarget, pending, item) == Outcome::kUnfinished);
  CHECK(!pending.is_wrong);
  item.key = "bench:0000000005";
  CHECK(judge(kTarget, pending, item) == Outcome::kUnfinished);
  CHECK(pending.is_wrong);
}
