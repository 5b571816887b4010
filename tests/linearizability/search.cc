#include "tests/linearizability/search.h"

#include "tests/linearizability/call_list.h"
#include "tests/linearizability/observers.h"
#include "tests/linearizability/placed_set.h"

namespace kv::linearizability {
namespace {

// The algorithm of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), with the
// memory of Lowe ("Testing for linearizability", 2017): calls are placed one by one, each of which
// no return of another stands in front of; when nothing fits any more, the last one is taken back.
// What follows depends on which calls are placed and on the state alone, so that nothing is tried
// from the same of both again.
//
// Three rules keep it short, none of which loses an order:
// - What leaves the state as it is can be placed as soon as it fits.
// - Versions only grow, so that operations with a known one are placed in the order of the
// versions.
// - Unknown writes are placed as RegisterState says, and after all others have been tried.
class Search {
 public:
  Search(const KeyHistory& history, std::uint64_t steps_max)
      : parts_(history.parts),
        calls_(parts_),
        placed_(parts_),
        observers_(parts_),
        steps_max_(steps_max) {}

  SearchResult run() {
    CallList::Cursor cursor = calls_.first();
    while (!calls_.is_all_placed()) {
      if (result_.steps == steps_max_) return result_;
      if (cursor.is_end()) {
        if (!take_back(cursor)) {
          result_.verdict = Verdict::kViolation;
          return std::move(result_);
        }
        continue;
      }
      ++result_.steps;
      cursor = next_useful(try_to_place(cursor));
    }
    result_.verdict = Verdict::kLinearizable;
    for (const Placed& placed : stack_) result_.order.push_back(calls_.part_at(placed.cursor));
    result_.state = state_;
    return std::move(result_);
  }

 private:
  struct Placed {
    CallList::Cursor cursor;
    RegisterState before;
    bool is_only_way;
  };

  // The next one to try.
  CallList::Cursor try_to_place(const CallList::Cursor& cursor) {
    const std::size_t part = calls_.part_at(cursor);
    const bool is_turn = placed_.is_turn(part);
    const auto after = is_turn ? step(state_, parts_[part]) : std::nullopt;
    if (!after) return calls_.next(cursor);
    const bool is_only_way = *after == state_;
    placed_.add(part);
    if (!placed_.remember(*after)) {
      placed_.remove(part);
      return is_only_way ? CallList::Cursor::end() : calls_.next(cursor);
    }
    calls_.lift(cursor);
    stack_.push_back({.cursor = cursor, .before = state_, .is_only_way = is_only_way});
    state_ = *after;
    return calls_.first();
  }

  // Passes over unknown writes that nothing which may come next depends on.
  CallList::Cursor next_useful(CallList::Cursor cursor) {
    if (!cursor.is_unknown) return cursor;
    observers_.begin(state_, placed_.version_limit());
    for (auto other = calls_.first(); !other.is_end(); other = calls_.next(other)) {
      const std::size_t part = calls_.part_at(other);
      // An unknown write depends on another only if it has a condition.
      const bool is_free = parts_[part].condition.kind == Condition::Kind::kAlways;
      if (parts_[part].is_unknown() && is_free) continue;
      if (placed_.is_turn(part)) observers_.add(parts_[part]);
    }
    while (cursor.is_unknown && !observers_.want(parts_[calls_.part_at(cursor)])) {
      cursor = calls_.next(cursor);
    }
    return cursor;
  }

  bool take_back(CallList::Cursor& cursor) {
    while (!stack_.empty()) {
      const Placed top = stack_.back();
      stack_.pop_back();
      calls_.unlift(top.cursor);
      placed_.remove(calls_.part_at(top.cursor));
      state_ = top.before;
      if (top.is_only_way) continue;
      cursor = next_useful(calls_.next(top.cursor));
      return true;
    }
    return false;
  }

  const std::vector<Part>& parts_;
  CallList calls_;
  PlacedSet placed_;
  Observers observers_;
  const std::uint64_t steps_max_;
  RegisterState state_;
  std::vector<Placed> stack_;
  SearchResult result_;
};

}  // namespace

SearchResult search(const KeyHistory& history, std::uint64_t steps_max) {
  return Search(history, steps_max).run();
}

}  // namespace kv::linearizability
