#include "engine/fingerprint_scan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace kv::engine {

namespace {

constexpr std::size_t kWindow = 1024;

}  // namespace

Result<bool> FingerprintScan::step(std::size_t keys) {
  for (std::size_t done = 0; done < keys; done += window_.size()) {
    window_.clear();
    const bool has_more = index_.scan({start_, std::nullopt, false}, snapshot_, kWindow, window_);
    if (auto added = add_window(); !added) return tl::unexpected(std::move(added).error());
    if (!has_more) return false;
    start_.assign(window_.key(window_.size() - 1)).push_back('\0');
  }
  return true;
}

Result<void> FingerprintScan::add_window() {
  order_.resize(window_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::ranges::sort(order_, {}, [this](std::uint32_t number) {
    const Place place = window_.place(number);
    return std::pair(place.slot(), place.offset());
  });
  for (const std::uint32_t number : order_) {
    const Place place = window_.place(number);
    if (auto opened = open(place.slot()); !opened) return opened;
    const auto header = segment_->read_header(*file_, place, ReadMode::kMayBlock);
    if (!header) {
      if (header.error().code == Errc::kCorruption) ++segment_->failed_reads;  // for who mends it
      return tl::unexpected(header.error());
    }
    fingerprint_.add(window_.key(number), *header);
  }
  return {};
}

Result<void> FingerprintScan::open(std::uint32_t slot) {
  if (segment_ != nullptr && segment_->slot() == slot) return {};
  segment_ = table_.find(slot);
  if (segment_ == nullptr) {
    return tl::unexpected(
        Error{Errc::kCorruption, fmt::format("slot={} no segment where a key points", slot), {}});
  }
  auto opened = table_.file(*segment_);
  if (!opened) return tl::unexpected(std::move(opened).error());
  file_ = std::move(*opened);
  return {};
}

}  // namespace kv::engine
