#include "engine/run_merge.h"

#include <algorithm>

#include "engine/segment_keys.h"

namespace kv::engine {

bool RunMerge::comes_later(const Head& a, const Head& b) {
  if (a.prefix != b.prefix) return a.prefix > b.prefix;
  if (const int order = a.entry.key.compare(b.entry.key); order != 0) return order > 0;
  return a.entry.sequence < b.entry.sequence;
}

RunMerge::RunMerge(std::vector<format::HintReader*> runs) : runs_(std::move(runs)) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Head head;
    head.run = i;
    if (!runs_[i]->next(head.entry)) continue;
    head.prefix = key_prefix(head.entry.key);
    heads_.push_back(head);
  }
  std::make_heap(heads_.begin(), heads_.end(), comes_later);
}

void RunMerge::advance() {
  Head head = heads_.front();
  const bool has_next = runs_[head.run]->next(head.entry);
  if (!has_next) {
    std::pop_heap(heads_.begin(), heads_.end(), comes_later);
    heads_.pop_back();
    return;
  }
  head.prefix = key_prefix(head.entry.key);
  // Sift the new head down from the front: half the work of a pop and a push.
  std::size_t at = 0;
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heads_.size()) break;
    if (child + 1 < heads_.size() && comes_later(heads_[child], heads_[child + 1])) child += 1;
    if (!comes_later(head, heads_[child])) break;
    heads_[at] = heads_[child];
    at = child;
  }
  heads_[at] = head;
}

bool RunMerge::next(format::HintEntry& entry, std::size_t& run) {
  if (heads_.empty()) return false;
  entry = heads_.front().entry;
  run = heads_.front().run;
  do {
    advance();
  } while (!heads_.empty() && heads_.front().entry.key == entry.key);
  return true;
}

}  // namespace kv::engine
