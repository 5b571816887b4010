#include "engine/merge_run.h"

#include <algorithm>

#include "engine/segment_keys.h"

namespace kv::engine {

void MergeRun::reserve(std::uint64_t bytes) {
  bytes_.reserve(static_cast<std::size_t>(std::min(bytes, kBytesMax)));
}

void MergeRun::add(const Record& record) {
  entries_.push_back({record.header, record.from, bytes_.size()});
  bytes_.append(record.key).append(record.value);
  if (entries_.size() == 1) {
    shared_ = record.key.size();
    return;
  }
  const std::string_view first = key(entries_.front()).substr(0, shared_);
  const auto end =
      std::mismatch(first.begin(), first.end(), record.key.begin(), record.key.end()).first;
  shared_ = static_cast<std::size_t>(end - first.begin());
}

void MergeRun::sort() {
  order_.clear();
  order_.reserve(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    order_.push_back({key_prefix(key(entries_[i]).substr(shared_)), i});
  }
  std::ranges::sort(order_, [this](const Order& a, const Order& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order =
        key(entries_[a.number]).substr(shared_).compare(key(entries_[b.number]).substr(shared_));
    return order != 0 ? order < 0 : a.number < b.number;
  });
}

MergeRun::Record MergeRun::record(std::size_t number) const {
  const Entry& entry = entries_[order_[number].number];
  const std::string_view bytes = std::string_view(bytes_).substr(entry.at);
  return {entry.header, bytes.substr(0, entry.header.key_size),
          bytes.substr(entry.header.key_size, entry.header.value_size), entry.from};
}

void MergeRun::clear() {
  bytes_.clear();
  entries_.clear();
  order_.clear();
  shared_ = 0;
}

}  // namespace kv::engine
