#include "bench/request_source.h"

#include <algorithm>

namespace kv::bench {

bool MixSource::next(Request& request) {
  request.operation = mix_.choose(random_);
  request.keys = inserted_keys_.count();
  if (request.operation == Operation::kInsert) {
    request.key = inserted_keys_.next();
    return request.key != UINT32_MAX;
  }
  request.key = chooser_.choose(random_, request.keys);
  if (request.operation == Operation::kScan) {
    request.scan_length = 1 + random_.below(Workload::kScanMax);
  }
  return true;
}

namespace {

// Of the keys that came back.
bool take_again(std::vector<std::uint32_t>& again, Request& request) {
  if (again.empty()) return false;
  request.key = again.back();
  again.pop_back();
  return true;
}

}  // namespace

bool LoadSource::next(Request& request) {
  request.operation = Operation::kInsert;
  if (take_again(again_, request)) return true;
  const std::uint64_t key = next_key_.fetch_add(1, std::memory_order_relaxed);
  request.key = static_cast<std::uint32_t>(std::min<std::uint64_t>(key, end_));
  return key < end_;
}

bool SampleSource::next(Request& request) {
  request.operation = Operation::kRead;
  if (take_again(again_, request)) return true;
  const std::uint32_t samples = std::min(kSamples, end_);
  if (taken_ == samples) return false;
  const std::uint64_t last = end_ - 1;
  request.key = static_cast<std::uint32_t>(samples == 1 ? 0 : last * taken_ / (samples - 1));
  taken_ += 1;
  return true;
}

}  // namespace kv::bench
