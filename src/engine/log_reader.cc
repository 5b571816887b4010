#include "engine/log_reader.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace kv::engine {

// What extent() and read() were asked for, and how far they are.
struct LogReader::Passage {
  std::uint64_t next;
  const std::uint64_t last;
  const std::uint64_t bytes_max;
  const LogVisitor* const visit;  // null: the headers are enough
  const std::optional<format::RecordType> only = {};
  LogExtent passed = {};
  bool is_full = false;  // the next one does not fit
};

// The segment that holds the record.
Result<LogWalk> LogReader::walk_in(std::uint64_t sequence) {
  auto segment = segments_.find(sequence);
  if (!segment) return tl::unexpected(std::move(segment).error());
  auto file = table_.file(**segment);
  if (!file) return tl::unexpected(std::move(file).error());
  // A write adds to the size first, so that what the last sequence tells of lies within it.
  const std::uint64_t last = (*segment)->last_sequence;
  const std::uint64_t size = (*segment)->size;
  return LogWalk({std::move(*segment), std::move(*file), last, size}, window_, marks_);
}

Result<LogPoint> LogReader::point_at(std::uint64_t sequence) {
  window_.begin_call();
  auto walk = walk_in(sequence);
  if (!walk) return tl::unexpected(std::move(walk).error());
  if (const auto known = marks_.behind(walk->id(), sequence)) {
    return LogPoint{known->term, sequence, known->chain};
  }
  if (auto there = walk->go_to(sequence); !there) return tl::unexpected(std::move(there).error());
  auto header = walk->peek();
  if (!header) return tl::unexpected(std::move(header).error());
  walk->pass(*header);
  walk->stop();
  return LogPoint{header->term, sequence, walk->at().chain};
}

Result<std::uint64_t> LogReader::term_start(std::uint64_t sequence, std::uint64_t floor) {
  KV_CHECK(floor < sequence);
  window_.begin_call();
  std::optional<std::uint64_t> term;
  std::uint64_t start = sequence + 1;
  // Segment by segment, backwards: `start` and all behind it have the term.
  while (start > floor + 1) {
    auto walk = walk_in(start - 1);
    if (!walk) {
      const bool is_first = term && walk.error().code == Errc::kInvalidArgument;
      if (is_first) break;
      return tl::unexpected(std::move(walk).error());
    }
    const auto begin = walk->beginning();
    if (!begin) return tl::unexpected(begin.error());
    if (term && begin->term == *term) {  // terms never fall, so that all of it is of this one
      start = begin->sequence;
      continue;
    }
    if (auto there = walk->go_to(start - 1); !there) {
      return tl::unexpected(std::move(there).error());
    }
    auto header = walk->peek();
    if (!header) return tl::unexpected(std::move(header).error());
    walk->pass(*header);
    walk->stop();
    if (term && header->term != *term) break;
    term = header->term;
    start = walk->at().term_start;
    if (start != begin->sequence) break;
  }
  return std::max(start, floor + 1);
}

Result<LogExtent> LogReader::extent(std::uint64_t first, std::uint64_t last,
                                    std::uint64_t bytes_max) {
  Passage passage{first, last, bytes_max, nullptr};
  return pass(passage);
}

Result<std::uint64_t> LogReader::read(std::uint64_t first, std::uint64_t last,
                                      std::uint64_t bytes_max, const LogVisitor& visit) {
  Passage passage{first, last, bytes_max, &visit};
  auto passed = pass(passage);
  if (!passed) return tl::unexpected(std::move(passed).error());
  return passed->last;
}

Result<std::uint64_t> LogReader::read_type(format::RecordType type, std::uint64_t first,
                                           std::uint64_t last, const LogVisitor& visit) {
  Passage passage{first, last, UINT64_MAX, &visit, type};
  auto passed = pass(passage);
  if (!passed) return tl::unexpected(std::move(passed).error());
  return passed->last;
}

Result<LogExtent> LogReader::pass(Passage& passage) {
  KV_CHECK(passage.next <= passage.last);
  window_.begin_call();
  Result<void> done;
  while (done && !passage.is_full && passage.next <= passage.last) {
    auto walk = walk_in(passage.next);
    done = walk ? pass_segment(*walk, passage) : tl::unexpected(std::move(walk).error());
  }
  window_.trim();
  // What could not be read is told by the call that begins with it.
  if (!done && passage.passed.last == 0) return tl::unexpected(std::move(done).error());
  return passage.passed;
}

// Where a segment begins, its header and the records before must tell the same chain. They were
// read a moment ago, or nobody reads on from them.
Result<void> LogReader::check_chain(LogWalk& walk) {
  const LogMark& at = walk.at();
  if (!at.begins_segment() || at.sequence == 1) return {};
  const auto before = segments_.find(at.sequence - 1);
  if (!before) return {};
  const auto end = marks_.behind((*before)->id(), at.sequence - 1);
  if (!end || end->chain == at.chain) return {};
  return tl::unexpected(
      walk.damaged(0, "segment header: the chain is not that of the segment before"));
}

Result<void> LogReader::pass_segment(LogWalk& walk, Passage& passage) {
  if (auto there = walk.go_to(passage.next); !there) return there;
  walk.stop();  // who asks for an extent reads it next, or asks again
  if (auto joined = check_chain(walk); !joined) return joined;
  Result<void> done;
  const std::uint64_t last = std::min(passage.last, walk.last_sequence());
  while (passage.next <= last) {
    auto header = walk.peek();
    if (!header) {
      done = tl::unexpected(std::move(header).error());
      break;
    }
    const std::uint64_t size = format::record_size(*header);
    const bool fits = passage.passed.bytes + size <= passage.bytes_max;
    passage.is_full = !fits && passage.passed.last != 0;
    if (passage.is_full) break;
    std::string_view body;
    const bool is_wanted =
        passage.visit != nullptr && (!passage.only || header->type == *passage.only);
    if (is_wanted) {
      auto read = walk.body(*header);
      if (!read) {
        if (read.error().code == Errc::kCorruption) walk.note_failed_read();  // for who mends it
        done = tl::unexpected(std::move(read).error());
        break;
      }
      body = *read;
    }
    walk.pass(*header);
    if (is_wanted) (*passage.visit)({*header, body, walk.at().chain});
    passage.passed = {passage.next, passage.passed.bytes + size};
    passage.next += 1;
  }
  walk.stop();
  return done;
}

void LogReader::forget_from(std::uint64_t sequence) {
  marks_.forget_from(sequence);
  segments_.forget();
  window_.forget();
}

}  // namespace kv::engine
