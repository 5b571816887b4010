#include <algorithm>

#include "engine/read_ahead.h"
#include "engine/store_impl.h"

namespace kv {

namespace {

// Keys looked up in the index at a time; the first look-ups take fewer, for ranges that end early.
constexpr std::size_t kWindowMin = 16;
constexpr std::size_t kWindowMax = 1024;
// The first, when the limit says that more are wanted.
constexpr std::size_t kFirstWindowMax = 128;

}  // namespace

struct Cursor::State {
  explicit State(const StoreImpl& from) : store(&from), ahead(from.segments()) {}

  const StoreImpl* store;
  RangeOptions options;
  Snapshot snapshot;  // keeps the next one alive
  const engine::Index::Snapshot* index_snapshot = nullptr;

  engine::IndexWindow window;
  std::size_t window_at = 0;
  std::size_t window_size = 0;
  bool is_exhausted = false;  // the index has nothing behind the window
  engine::ReadAhead ahead;    // of the window's keys from ahead_at on
  std::size_t ahead_at = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  bool has_more = false;
  bool has_told_damage = false;
  Item item;

  bool fill();
  std::span<const engine::Place> wanted() const;
  Result<Step> read_item(ReadMode mode);
  Result<Step> read_item_alone(ReadMode mode);
  Result<Step> finish();
  bool is_over_budget(std::size_t size) const {
    return count > 0 && (bytes >= options.bytes_max || size > options.bytes_max - bytes);
  }
};

// The next keys of the snapshot. False at the end of the range.
bool Cursor::State::fill() {
  if (window_at < window.size()) return true;
  if (is_exhausted) return false;
  if (!window.empty()) {
    // Go on behind the last key: its successor forward, itself as the open end in reverse.
    const std::string_view last = window.key(window.size() - 1);
    if (options.is_reverse) {
      options.end = last;
    } else {
      options.start.assign(last).push_back('\0');
    }
  }
  window.clear();
  window_at = 0;
  // One more than the limit leaves: whether there is one is to be told.
  const std::uint64_t left = options.limit - count;
  if (window_size == 0 && options.limit < UINT64_MAX) window_size = kFirstWindowMax;
  window_size = std::clamp(window_size, kWindowMin, kWindowMax);
  const std::size_t size = left < window_size ? static_cast<std::size_t>(left) + 1 : window_size;
  window_size *= 2;
  const std::string_view start = options.start;
  std::optional<std::string_view> end;
  if (options.end) end = *options.end;
  window.reserve(size);
  is_exhausted =
      !store->index().scan({start, end, options.is_reverse}, *index_snapshot, size, window);
  ahead.forget();
  ahead_at = 0;
  return !window.empty();
}

// What is to be read together: the next records as far as limit and bytes_max let them be items,
// and as many as are not too large. A large first one is read alone.
std::span<const engine::Place> Cursor::State::wanted() const {
  const auto places = window.places().subspan(window_at);
  const std::uint64_t size_max =
      std::min(options.bytes_max - std::min(bytes, options.bytes_max), engine::ReadAhead::kSizeMax);
  std::uint64_t size = 0;
  std::size_t number = 0;
  while (number < places.size() && number < options.limit - count) {
    const std::uint64_t next = places[number].size_hint();
    if (next > engine::ReadAhead::kRecordSizeMax || (number > 0 && size + next > size_max)) break;
    size += next;
    number += 1;
  }
  return places.first(number);
}

// The value and version of the window's next key. Anything but kItem: it was not read.
Result<Cursor::Step> Cursor::State::read_item(ReadMode mode) {
  using Outcome = engine::ReadAhead::Outcome;
  const bool was_tried = ahead.outcome(window_at - ahead_at) != Outcome::kNotRead;
  if (!was_tried && !wanted().empty()) {
    ahead_at = window_at;
    ahead.read(wanted(), mode);
  }
  if (ahead.outcome(window_at - ahead_at) != Outcome::kRead) return read_item_alone(mode);
  auto record = ahead.record(window_at - ahead_at);
  if (!record) return tl::unexpected(std::move(record).error());
  if (record->key != window.key(window_at)) {
    return tl::unexpected(Error{Errc::kCorruption, "another key lies where the index points", {}});
  }
  // What a large value took is not kept.
  if (item.value.capacity() > engine::ReadAhead::kSizeMax) std::string().swap(item.value);
  item.value.assign(record->value);
  item.version = record->header.sequence;
  return Step::kItem;
}

Result<Cursor::Step> Cursor::State::read_item_alone(ReadMode mode) {
  auto value = store->read(window.key(window_at), window.place(window_at), mode);
  if (!value) {
    if (value.error().code == Errc::kWouldBlock) return Step::kWouldBlock;
    return tl::unexpected(std::move(value).error());
  }
  if (!*value) {
    return tl::unexpected(Error{Errc::kCorruption, "another key lies where the index points", {}});
  }
  item.value = std::move((*value)->bytes);
  item.version = (*value)->version;
  return Step::kItem;
}

// Records that damage hides may have been in the range: say so once, at the end.
Result<Cursor::Step> Cursor::State::finish() {
  auto damage = store->hidden_damage().any();
  if (damage && !std::exchange(has_told_damage, true)) return tl::unexpected(std::move(*damage));
  return Step::kEnd;
}

Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Item& Cursor::item() { return state_->item; }
bool Cursor::has_more() const { return state_->has_more; }

std::uint64_t Cursor::read_size() {
  State& state = *state_;
  const bool reads = !state.has_more && !state.options.is_keys_only && state.fill() &&
                     state.count < state.options.limit;
  return reads ? state.window.place(state.window_at).size_hint() : 0;
}

Result<Cursor::Step> Cursor::next(ReadMode mode) {
  State& state = *state_;
  if (state.has_more) return Step::kEnd;
  if (!state.fill()) return state.finish();
  if (state.count >= state.options.limit) {
    state.has_more = true;
    return state.finish();
  }
  if (state.options.is_keys_only) {
    state.item.value.clear();
  } else {
    auto step = state.read_item(mode);
    if (!step) state.window_at += 1;  // calling again goes on after it
    if (!step || *step != Step::kItem) return step;
  }
  const std::string_view key = state.window.key(state.window_at);
  const std::size_t size = key.size() + state.item.value.size();
  if (state.is_over_budget(size)) {
    state.has_more = true;
    return state.finish();
  }
  state.item.key.assign(key);
  state.window_at += 1;
  state.count += 1;
  state.bytes += size;
  return Step::kItem;
}

Cursor StoreImpl::range(RangeOptions options, Snapshot snapshot, Keys keys) const {
  auto state = std::make_unique<Cursor::State>(*this);
  state->options = std::move(options);
  // Reserved ones are the last in order, so that a range of the others needs no more than an end.
  if (keys == Keys::kReserved) {
    state->options.start = std::max<std::string_view>(state->options.start, kReservedKeyPrefix);
  } else if (!state->options.end || *state->options.end > kReservedKeyPrefix) {
    state->options.end = kReservedKeyPrefix;
  }
  state->snapshot = std::move(snapshot);
  state->index_snapshot = &state->snapshot.state_->index;
  return Cursor(std::move(state));
}

}  // namespace kv
