#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/data_directory.h"
#include "engine/read_pace.h"
#include "engine/segment_check.h"
#include "engine/segment_table.h"
#include "kv/event.h"
#include "kv/result.h"
#include "kv/store.h"
#include "kv/verify.h"

namespace kv::engine {

// Reads the sealed segments of an open store again and again, the one that was not looked at for
// the longest first, so that rot is found while a backup or a replica still has what was lost.
// Reads at a rate, and each segment at most once in kRest. A segment with damage is told as an
// event, once, and marked: merges leave it alone. One that the system refuses to read is marked
// when that happens twice in a row. A mark of the scrubber's own ends with the first check that
// finds nothing. Changes no file.
//
// Threads: run() is the scrubber's own; everything else from any.
class Scrubber {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kRest{10};

  struct Settings {
    std::uint64_t rate = 0;  // bytes a second of run()
    std::function<Clock::time_point()> now = &Clock::now;
  };
  Scrubber(const Settings& settings, DataDirectory& dir, SegmentTable& table,
           EventListener* listener);

  // Checks the segment whose turn it is. False: all of them were looked at within kRest. kClosed
  // when the pace says stop.
  Result<bool> step(ReadPace& pace);
  // Checks all that are sealed now, at once.
  Result<VerifyReport> verify(const VerifyOptions& options);

  // Checks a sealed segment at once, in which records were put back. True: it has no damage any
  // more, and merges take it again, whoever marked it. False: it has, or is gone.
  Result<bool> recheck(format::SegmentId id);

  // The scrubber's thread, until stop(), which ends a check under way, of verify() too.
  void run();
  void stop();

  ScrubStats stats() const;

 private:
  // The segment to check. It is not held: at this rate that would keep the space of one that was
  // merged for minutes.
  struct Turn {
    format::SegmentId id{};
    std::uint32_t slot = 0;
  };
  struct Seen {
    Clock::time_point since;  // first seen, or checked last
    bool was_checked = false;
    std::uint64_t round = 0;  // of its last check
    bool was_told = false;    // its findings were
    bool was_unreadable = false;
    bool is_marked = false;  // by this scrubber, as damaged
  };

  // The sealed segments that are there now; forgets those that are not.
  std::vector<std::shared_ptr<Segment>> look_around();
  std::optional<Turn> choose();
  bool is_gone(const Turn& turn) const;
  // nullopt: a merge took it away.
  Result<std::optional<SegmentCheck>> check(const Turn& turn, ReadPace& pace);
  void take(const SegmentCheck& checked, format::SegmentId id);
  // What the check says of the segment, which it marks, or not any more. True: it is to be told.
  bool judge(const SegmentCheck& checked, Segment& segment, Seen& seen);
  void tell(Event::Level level, std::string_view name, std::string details) const;
  void tell_sound_again(const Segment& segment) const;
  bool is_stopped() const;

  const Settings settings_;
  DataDirectory& dir_;
  SegmentTable& table_;
  EventListener* const listener_;
  RatePace pace_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<format::SegmentId, Seen> seen_;
  std::uint64_t round_ = 1;  // the one under way
  std::uint64_t bytes_ = 0;
  std::uint64_t findings_ = 0;
  bool is_stopped_ = false;
};

}  // namespace kv::engine
