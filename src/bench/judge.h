#pragma once

#include <chrono>
#include <cstdint>

#include "bench/target.h"
#include "bench/workload.h"

namespace kv::bench {

using Clock = std::chrono::steady_clock;

// A request that was made and is not answered whole.
struct Pending {
  Operation operation = Operation::kRead;
  bool is_written = false;  // kReadModifyWrite: the read is answered, the write under way
  bool counts = true;       // it was not made during the warm-up
  bool is_wrong = false;    // kScan: an item was
  std::uint32_t key = 0;
  std::uint32_t scan_length = 0;
  std::uint32_t items = 0;  // of the scan, so far
  // Of a scan: the number of the next key, if it is below `keys`: all those were there when it was
  // asked for.
  std::uint32_t next_key = 0;
  std::uint32_t keys = 0;
  Clock::time_point start;  // as it was intended
};

enum class Outcome {
  kUnfinished,  // a scan goes on; the read of a read-modify-write was right, and its write is due
  kRight,
  kMissing,  // a key that was there
  kWrong,    // another key's value, changed bytes, keys left out or out of order, another answer
  kRefused,
  kUnserved,  // refused by a server that does not lead, or leads no more
};

// Holds an answer against its request.
Outcome judge(const Target& target, Pending& pending, const Answer& answer);

}  // namespace kv::bench
