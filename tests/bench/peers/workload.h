#pragma once

#include <cstdint>
#include <string>

#include "data_set.h"
#include "engine.h"

namespace kv::bench {

// What a piece of work did, and how long it took.
struct Figure {
  std::uint64_t operations = 0;
  double seconds = 0;
  double per_second() const { return static_cast<double>(operations) / seconds; }
};

// The work that every engine is given, through sessions of its own. Each read is checked against
// the data set; a wrong answer ends the program.
class Workload {
 public:
  // `seed` decides which keys come: each piece of work has its own, so that none finds in a cache
  // what the one before it left there.
  Workload(Engine& engine, const DataSet& data, double seconds, std::uint64_t seed)
      : engine_(engine), data_(data), seconds_(seconds), seed_(seed) {}

  // Each key once in random order, into an empty database. One thread.
  Figure fill();
  // As many puts as there are keys, of random keys that are there already. One thread.
  Figure overwrite();
  // Reads each key once, so that what follows is hot.
  void warm_up();

  // For `seconds`, on as many threads: of random keys.
  Figure get(unsigned threads);
  Figure get_absent(unsigned threads);
  Figure put(unsigned threads);
  // 100 rows from the place of a random key; an operation is one such scan.
  Figure scan_short(unsigned threads);
  // All rows in order, again and again for `seconds`; an operation is one row. One thread.
  Figure scan_all();

 private:
  Engine& engine_;
  const DataSet& data_;
  double seconds_;
  std::uint64_t seed_;
};

}  // namespace kv::bench
