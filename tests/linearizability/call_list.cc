#include "tests/linearizability/call_list.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace kv::linearizability {
namespace {

struct Event {
  std::uint64_t time_ns;
  bool is_return;
  std::size_t part;
};

std::vector<Event> events_of(const std::vector<Part>& parts) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    events.push_back({.time_ns = parts[i].call_ns, .is_return = false, .part = i});
    if (parts[i].is_unknown()) continue;
    events.push_back({.time_ns = parts[i].return_ns, .is_return = true, .part = i});
  }
  std::ranges::sort(events, {}, [](const Event& event) {
    return std::tuple(event.time_ns, event.is_return, event.part);
  });
  return events;
}

}  // namespace

CallList::CallList(const std::vector<Part>& parts) : nodes_(1) {
  std::vector<std::size_t> call_of(parts.size());
  std::size_t rank = 0;
  for (const Event& event : events_of(parts)) {
    ++rank;
    if (parts[event.part].is_unknown()) {
      unknown_.push_back({.part = event.part, .rank = rank});
      continue;
    }
    const std::size_t node = nodes_.size();
    nodes_.push_back({.part = event.part, .rank = rank, .other = 0, .before = node - 1, .next = 0});
    nodes_[node - 1].next = node;
    if (event.is_return) {
      nodes_[call_of[event.part]].other = node;
    } else {
      call_of[event.part] = node;
    }
  }
  nodes_[0].before = nodes_.size() - 1;
}

CallList::Cursor CallList::first() const {
  const std::size_t node = nodes_[0].next;
  // The first one that is left is a call, as its return stands behind it.
  if (node == 0) return Cursor::end();
  return {.node = node, .is_unknown = false};
}

CallList::Cursor CallList::next(const Cursor& cursor) const {
  if (cursor.is_unknown) return unknown_from(cursor.node + 1);
  const std::size_t node = nodes_[cursor.node].next;
  if (nodes_[node].other == 0) return unknown_from(0);
  return {.node = node, .is_unknown = false};
}

CallList::Cursor CallList::unknown_from(std::size_t place) const {
  if (place >= unknown_.size()) return Cursor::end();
  const std::size_t limit = first_return_rank();
  for (; place < unknown_.size() && unknown_[place].rank < limit; ++place) {
    if (!unknown_[place].is_placed) return {.node = place, .is_unknown = true};
  }
  return Cursor::end();
}

std::size_t CallList::part_at(const Cursor& cursor) const {
  return cursor.is_unknown ? unknown_[cursor.node].part : nodes_[cursor.node].part;
}

std::size_t CallList::first_return_rank() const {
  std::size_t node = nodes_[0].next;
  while (nodes_[node].other != 0) node = nodes_[node].next;
  KV_CHECK(node != 0);
  return nodes_[node].rank;
}

void CallList::lift(const Cursor& cursor) {
  if (cursor.is_unknown) {
    unknown_[cursor.node].is_placed = true;
    return;
  }
  take_out(cursor.node);
  take_out(nodes_[cursor.node].other);
}

void CallList::unlift(const Cursor& cursor) {
  if (cursor.is_unknown) {
    unknown_[cursor.node].is_placed = false;
    return;
  }
  put_back(nodes_[cursor.node].other);
  put_back(cursor.node);
}

void CallList::take_out(std::size_t node) {
  nodes_[nodes_[node].before].next = nodes_[node].next;
  nodes_[nodes_[node].next].before = nodes_[node].before;
}

void CallList::put_back(std::size_t node) {
  nodes_[nodes_[node].before].next = node;
  nodes_[nodes_[node].next].before = node;
}

}  // namespace kv::linearizability
