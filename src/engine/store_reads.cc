// The reading side of a store: from a key's place in the index to its value.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/key_hash.h"
#include "engine/planted.h"
#include "engine/store_impl.h"

namespace kv {

using engine::Place;

namespace {

std::optional<Value> to_value(const std::optional<ValueView>& view) {
  if (!view) return std::nullopt;
  return Value{std::string(view->bytes), view->version};
}

}  // namespace

StoreImpl::View StoreImpl::view_in_segment(std::string_view key, std::uint64_t hash, Place place,
                                           ReadMode mode, std::string& buffer) const {
  if (mode == ReadMode::kNoWait && place.size_hint() > kNoWaitSizeMax) {
    ++reads_deferred_;
    return tl::unexpected(Error{Errc::kWouldBlock, "too large to be read in passing", {}});
  }
  const auto segment = table_.find(place.slot());
  if (!segment) return std::nullopt;
  auto file = table_.file(*segment);
  if (!file) {
    Error error = std::move(file).error();
    if (error.cause == std::errc::no_such_file_or_directory) error.code = Errc::kCorruption;
    return tl::unexpected(std::move(error));
  }
  auto record = segment->read(**file, place, mode, buffer);
  if (!record) {
    if (record.error().code == Errc::kWouldBlock) ++reads_deferred_;
    if (record.error().code == Errc::kCorruption) ++segment->failed_reads;
    return tl::unexpected(std::move(record).error());
  }
  if (record->key != key) return std::nullopt;
  cache_.add(hash, place, record->value, record->header.sequence);
  return ValueView{record->value, record->header.sequence};
}

StoreImpl::View StoreImpl::view_at(std::string_view key, std::uint64_t hash, Place place,
                                   ReadMode mode) const {
  thread_local std::string buffer;
  constexpr std::size_t kBufferKept = 1024 * 1024;
  if (buffer.capacity() > kBufferKept) std::string().swap(buffer);
  ValueView cached;
  if (cache_.find(hash, place, buffer, cached.version)) {
    cached.bytes = buffer;
    return cached;
  }
  return view_in_segment(key, hash, place, mode, buffer);
}

Result<std::optional<Value>> StoreImpl::read(std::string_view key, Place place,
                                             ReadMode mode) const {
  return view_at(key, engine::hash_key(key), place, mode).map(&to_value);
}

StoreImpl::View StoreImpl::answer(std::string_view key, std::optional<ValueView> value) const {
  if (hidden_.empty()) return value;
  if (auto damage = hidden_.may_hide(key, value ? value->version : 0)) {
    return tl::unexpected(std::move(*damage));
  }
  return value;
}

StoreImpl::View StoreImpl::view(std::string_view key, std::uint64_t hash,
                                std::optional<Place> place, ReadMode mode) const {
  for (;;) {
    if (!place) return answer(key, std::nullopt);
    auto value = view_at(key, hash, *place, mode);
    if (value && *value) return answer(key, *value);
    // A merge may have given the place up between look-up and read, even to another segment.
    const auto now = index_.find(key);
    const bool has_moved = now != place;
    if (has_moved && (value || value.error().code == Errc::kCorruption)) {
      place = now;
      continue;
    }
    if (!value) return value;
    return tl::unexpected(
        Error{Errc::kCorruption, fmt::format("offset={} holds another key", place->offset()), {}});
  }
}

Result<std::optional<Value>> StoreImpl::get(std::string_view key, ReadMode mode) const {
  if (is_closed()) return tl::unexpected(closed());
  const std::uint64_t hash = engine::hash_key(key);
  cache_.prefetch_slots({&hash, 1});
  const auto place = index_.find(key, hash, [&] { cache_.prefetch_values({&hash, 1}); });
  return view(key, hash, place, mode).map(&to_value);
}

void StoreImpl::get_many(std::span<const std::string_view> keys, ReadMode mode,
                         ReadListener& listener) const {
  std::array<std::uint64_t, engine::Index::kTogetherMax> hashes;
  std::array<std::optional<Place>, engine::Index::kTogetherMax> places;
  for (std::size_t at = 0; at < keys.size(); at += places.size()) {
    const auto some = keys.subspan(at, std::min(places.size(), keys.size() - at));
    std::ranges::transform(some, hashes.begin(), engine::hash_key);
    const auto some_hashes = std::span(hashes).first(some.size());
    cache_.prefetch_slots(some_hashes);
    index_.find_all(some, some_hashes, std::span(places).first(some.size()));
    cache_.prefetch_values(some_hashes);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto value =
          is_closed() ? View(tl::unexpected(closed())) : view(some[i], hashes[i], places[i], mode);
      if (!listener.on_read(at + i, value)) return;
    }
  }
}

Result<std::optional<Value>> StoreImpl::get(std::string_view key, const Snapshot& snapshot,
                                            ReadMode mode) const {
  if (is_closed()) return tl::unexpected(closed());
  const auto place = index_.find(key, snapshot.state_->index);
  if (!place) return answer(key, std::nullopt).map(&to_value);
  auto value = view_at(key, engine::hash_key(key), *place, mode);
  if (value && !*value) {
    return tl::unexpected(
        Error{Errc::kCorruption, fmt::format("offset={} holds another key", place->offset()), {}});
  }
  if (value) value = answer(key, *value);
  return std::move(value).map(&to_value);
}

Result<std::optional<StoreImpl::NewestRecord>> StoreImpl::newest_record(
    std::string_view key) const {
  const auto hidden = [&](Version version) { return hidden_.may_hide(key, version); };
  std::string buffer;
  for (;;) {
    const auto place = index_.find(key);
    if (!place) {
      if (auto damage = hidden(0)) return tl::unexpected(std::move(*damage));
      return std::nullopt;
    }
    const auto segment = table_.find(place->slot());
    if (!segment) continue;  // merged away meanwhile
    auto file = table_.file(*segment);
    if (!file) return tl::unexpected(std::move(file).error());
    const auto record = segment->read(**file, *place, ReadMode::kMayBlock, buffer);
    if (record && record->key == key) {
      if (auto damage = hidden(record->header.sequence)) return tl::unexpected(std::move(*damage));
      NewestRecord found{record->header, std::string(record->value)};
      found.header.flags = 0;
      return found;
    }
    if (index_.find(key) != place) continue;
    ++segment->failed_reads;
    if (!record) return tl::unexpected(record.error());
    return tl::unexpected(
        Error{Errc::kCorruption, fmt::format("offset={} holds another key", place->offset()), {}});
  }
}

Result<bool> StoreImpl::put_back(const engine::RecordRepair::Loss& loss,
                                 const format::RecordHeader& header, std::string_view value) {
  if (auto damage = hidden_.may_hide(loss.key, header.sequence)) {
    return tl::unexpected(std::move(*damage));
  }
  return record_repair().restore(loss, header, value);
}

std::uint64_t StoreImpl::read_size(std::string_view key) const {
  const auto place = index_.find(key);
  return place ? place->size_hint() : 0;
}

Snapshot StoreImpl::snapshot() const {
  Snapshot out;
  std::shared_ptr<const void> segments;
  auto index = pipeline_->snapshot([&] {
    if (!engine::is_planted(engine::Bug::kSnapshotDoesNotPin)) segments = table_.pin();
  });
  out.state_ = std::make_shared<const Snapshot::State>(
      Snapshot::State{std::move(index), std::move(segments)});
  return out;
}

// The index is as of that record meanwhile.
void StoreImpl::note_comparison(std::uint64_t sequence) {
  auto pin = table_.pin();
  std::optional<Comparison> next({sequence, std::move(pin), index_.snapshot(sequence)});
  const std::lock_guard lock(comparison_mutex_);
  comparison_.swap(next);
}

std::optional<StoreImpl::Comparison> StoreImpl::take_comparison() {
  const std::lock_guard lock(comparison_mutex_);
  return std::exchange(comparison_, std::nullopt);
}

}  // namespace kv
