#pragma once

#include <cstdint>
#include <vector>

#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// The calls and returns that are not placed yet, in the order of their times; at the same time
// calls come first, so that operations which only touch count as concurrent. What is placed is
// taken out of a doubly linked list and can be put back, the last one first. Unknown writes have no
// return and stand in a list of their own.
class CallList {
 public:
  // A call that may come next: one in front of the first return. Known operations come first, then
  // the unknown ones.
  struct Cursor {
    static constexpr std::size_t kEnd = SIZE_MAX;
    std::size_t node = kEnd;
    bool is_unknown = false;

    static Cursor end() { return {}; }
    bool is_end() const { return node == kEnd; }
  };
  explicit CallList(const std::vector<Part>& parts);

  // Whether all but the unknown ones are.
  bool is_all_placed() const { return nodes_[0].next == 0; }
  Cursor first() const;
  Cursor next(const Cursor& cursor) const;
  std::size_t part_at(const Cursor& cursor) const;

  void lift(const Cursor& cursor);
  void unlift(const Cursor& cursor);

 private:
  // A call, or the return behind it in its `other`. The first one is the list's head and its end.
  struct Node {
    std::size_t part = 0;
    std::size_t rank = 0;   // its place among all calls and returns, from 1
    std::size_t other = 0;  // of a call its return; of a return 0
    std::size_t before = 0;
    std::size_t next = 0;
  };
  struct UnknownCall {
    std::size_t part;
    std::size_t rank;
    bool is_placed = false;
  };
  std::size_t first_return_rank() const;  // not when all are placed
  Cursor unknown_from(std::size_t place) const;
  void take_out(std::size_t node);
  void put_back(std::size_t node);

  std::vector<Node> nodes_;
  std::vector<UnknownCall> unknown_;  // by rank
};

}  // namespace kv::linearizability
