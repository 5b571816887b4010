#include "engine/run_merge.h"

#include <algorithm>

#include "engine/key_order.h"

namespace kv::engine {

namespace {

// Runs are sorted, so what their first and last keys share all keys share.
std::size_t shared_by_all(const std::vector<format::HintReader>& runs) {
  std::optional<std::string_view> shared;
  for (const format::HintReader& run : runs) {
    const auto first = run.first_key();
    const auto last = run.last_key();
    if (!first || !last) continue;
    if (!shared) shared = *first;
    for (const std::string_view key : {*first, *last}) {
      const auto end = std::mismatch(shared->begin(), shared->end(), key.begin(), key.end()).first;
      shared = shared->substr(0, static_cast<std::size_t>(end - shared->begin()));
    }
  }
  return shared ? shared->size() : 0;
}

}  // namespace

bool RunMerge::comes_later(const Head& a, const Head& b) const {
  if (a.prefix != b.prefix) return a.prefix > b.prefix;
  const int order = a.entry.key.substr(skip_).compare(b.entry.key.substr(skip_));
  if (order != 0) return order > 0;
  if (a.entry.sequence != b.entry.sequence) return a.entry.sequence < b.entry.sequence;
  // The same record, in a merge's output and in an input that was lost: the output can be read.
  return a.run < b.run;
}

RunMerge::RunMerge(std::vector<format::HintReader> runs)
    : runs_(std::move(runs)), skip_(shared_by_all(runs_)) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Head head;
    head.run = i;
    if (refill(head)) heads_.push_back(head);
  }
  const auto later = [this](const Head& a, const Head& b) { return comes_later(a, b); };
  std::make_heap(heads_.begin(), heads_.end(), later);
}

bool RunMerge::refill(Head& head) {
  if (!runs_[head.run].next(head.entry)) return false;
  head.prefix = key_prefix(head.entry.key.substr(skip_));
  return true;
}

void RunMerge::advance() {
  Head head = heads_.front();
  if (!refill(head)) {
    head = heads_.back();
    heads_.pop_back();
    if (heads_.empty()) return;
  }
  // Sift it down from the front: half the work of a pop and a push.
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
