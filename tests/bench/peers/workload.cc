#include "workload.h"

#include <algorithm>
#include <chrono>
#include <latch>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "fail.h"

namespace kv::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kShortScanRows = 100;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Calls operation(session, random) over and over on each thread. The clock is looked at once in
// `stride` operations, so that it does not weigh on those that take less than a microsecond.
template <class Operation>
Figure repeat(Engine& engine, unsigned threads, double seconds, std::uint64_t seed,
              std::uint64_t stride, const Operation& operation) {
  std::latch is_ready(threads + 1);
  std::vector<std::uint64_t> counts(threads);
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (unsigned thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] {
      const auto session = engine.session();
      Random random(Random(seed + thread).next());
      std::uint64_t count = 0;
      is_ready.arrive_and_wait();
      const auto start = Clock::now();
      do {
        for (std::uint64_t i = 0; i < stride; ++i) operation(*session, random);
        count += stride;
      } while (seconds_since(start) < seconds);
      counts[thread] = count;
    });
  }
  is_ready.arrive_and_wait();
  const auto start = Clock::now();
  workers.clear();
  return {std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), seconds_since(start)};
}

// Holds each row against the data set and the one before it.
class RowCheck final : public RowReader {
 public:
  explicit RowCheck(const DataSet& data) : data_(data) {}
  // The rows to come begin at `number`, or at a later key.
  void begin(std::uint64_t number) { next_ = number; }
  void read(std::string_view key, std::string_view value) override {
    const std::uint64_t number = data_.number_of(key);
    // The set has no gaps, so neither have the rows.
    if (number != next_++) fail("a row is missing before " + std::string(key));
    data_.check(number, value);
  }
  std::uint64_t next() const { return next_; }

 private:
  const DataSet& data_;
  std::uint64_t next_ = 0;
};

}  // namespace

Figure Workload::fill() {
  std::vector<std::uint32_t> order(data_.keys());
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed_));
  const auto session = engine_.session();
  const auto start = Clock::now();
  for (const std::uint32_t number : order) session->put(Key(number), data_.value(number));
  return {data_.keys(), seconds_since(start)};
}

Figure Workload::overwrite() {
  const auto session = engine_.session();
  Random random(seed_);
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < data_.keys(); ++i) {
    const std::uint64_t number = random.below(data_.keys());
    session->put(Key(number), data_.value(number));
  }
  return {data_.keys(), seconds_since(start)};
}

void Workload::warm_up() {
  const auto session = engine_.session();
  for (std::uint64_t number = 0; number < data_.keys(); ++number) {
    const auto value = session->get(Key(number));
    if (!value) fail("a key is missing: " + std::string(Key(number)));
    data_.check(number, *value);
  }
}

Figure Workload::get(unsigned threads) {
  constexpr std::uint64_t kStride = 64;
  return repeat(engine_, threads, seconds_, seed_, kStride,
                [this](Session& session, Random& random) {
                  const std::uint64_t number = random.below(data_.keys());
                  const auto value = session.get(Key(number));
                  if (!value) fail("a key is missing: " + std::string(Key(number)));
                  data_.check(number, *value);
                });
}

Figure Workload::get_absent(unsigned threads) {
  constexpr std::uint64_t kStride = 64;
  return repeat(engine_, threads, seconds_, seed_, kStride,
                [this](Session& session, Random& random) {
                  const Key key = Key::absent(random.below(data_.keys()));
                  if (session.get(key))
                    fail("a key was found that was never put: " + std::string(key));
                });
}

Figure Workload::put(unsigned threads) {
  constexpr std::uint64_t kStride = 1;
  return repeat(engine_, threads, seconds_, seed_, kStride,
                [this](Session& session, Random& random) {
                  const std::uint64_t number = random.below(data_.keys());
                  session.put(Key(number), data_.value(number));
                });
}

Figure Workload::scan_short(unsigned threads) {
  constexpr std::uint64_t kStride = 4;
  return repeat(engine_, threads, seconds_, seed_, kStride,
                [this](Session& session, Random& random) {
                  const std::uint64_t first = random.below(data_.keys());
                  RowCheck check(data_);
                  check.begin(first);
                  session.scan(Key(first), kShortScanRows, check);
                  if (check.next() != std::min(first + kShortScanRows, data_.keys()))
                    fail("a scan ended early, from " + std::string(Key(first)));
                });
}

Figure Workload::scan_all() {
  const auto session = engine_.session();
  Figure figure;
  const auto start = Clock::now();
  do {
    RowCheck check(data_);
    session->scan({}, UINT64_MAX, check);
    if (check.next() != data_.keys()) fail("a scan of everything ended early");
    figure.operations += data_.keys();
    figure.seconds = seconds_since(start);
  } while (figure.seconds < seconds_);
  return figure;
}

}  // namespace kv::bench
