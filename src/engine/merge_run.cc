#include "engine/merge_run.h"

#include <algorithm>

namespace kv::engine {

void MergeRun::reserve(std::uint64_t bytes) {
  bytes_.reserve(static_cast<std::size_t>(std::min(bytes, kBytesMax)));
}

void MergeRun::add(const Record& record) {
  entries_.push_back({record.header, record.from, bytes_.size()});
  bytes_.append(record.key).append(record.value);
  order_.add(record.key);
}

void MergeRun::sort() {
  order_.sort([this](std::size_t i) { return key(entries_[i]); },
              [](std::size_t a, std::size_t b) { return a < b; });
}

MergeRun::Record MergeRun::record(std::size_t number) const {
  const Entry& entry = entries_[order_[number]];
  const std::string_view bytes = std::string_view(bytes_).substr(entry.at);
  return {entry.header, bytes.substr(0, entry.header.key_size),
          bytes.substr(entry.header.key_size, entry.header.value_size), entry.from};
}

void MergeRun::clear() {
  bytes_.clear();
  entries_.clear();
  order_.clear();
}

}  // namespace kv::engine
