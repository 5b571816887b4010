#include <algorithm>

#include "engine/store_impl.h"

namespace kv {

namespace {

// Keys looked up in the index at a time; the first look-ups take fewer, for ranges that end early.
constexpr std::size_t kWindowMin = 16;
constexpr std::size_t kWindowMax = 1024;

}  // namespace

struct Cursor::State {
  const StoreImpl* store;
  RangeOptions options;
  Snapshot snapshot;  // keeps the next one alive
  const engine::Index::Snapshot* index_snapshot;

  std::vector<engine::IndexItem> window;
  std::size_t window_at = 0;
  std::size_t window_size = kWindowMin;
  bool is_exhausted = false;  // the index has nothing behind the window
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  bool has_more = false;
  bool has_told_damage = false;
  Item item;

  bool fill();
  Result<Step> finish();
  bool is_over_budget(std::size_t size) const {
    return count > 0 && (bytes >= options.bytes_max || size > options.bytes_max - bytes);
  }
};

// The next keys of the snapshot. False at the end of the range.
bool Cursor::State::fill() {
  if (window_at < window.size()) return true;
  if (is_exhausted) return false;
  window.clear();
  window_at = 0;
  const std::string_view start = options.start;
  std::optional<std::string_view> end;
  if (options.end) end = *options.end;
  store->index().scan({start, end, options.is_reverse}, *index_snapshot, window_size, window);
  is_exhausted = window.size() < window_size;
  window_size = std::min(window_size * 2, kWindowMax);
  if (window.empty()) return false;
  // Go on behind the last key: its successor forward, itself as the open end in reverse.
  if (options.is_reverse) {
    options.end = window.back().key;
  } else {
    options.start = window.back().key + '\0';
  }
  return true;
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
  return reads ? state.window[state.window_at].place.size_hint() : 0;
}

Result<Cursor::Step> Cursor::next(ReadMode mode) {
  State& state = *state_;
  if (state.has_more) return Step::kEnd;
  if (!state.fill()) return state.finish();
  if (state.count >= state.options.limit) {
    state.has_more = true;
    return state.finish();
  }
  engine::IndexItem& next = state.window[state.window_at];
  state.item.version = 0;
  state.item.value.clear();
  if (!state.options.is_keys_only) {
    auto value = state.store->read(next.key, next.place, mode);
    if (!value) {
      if (value.error().code == Errc::kWouldBlock) return Step::kWouldBlock;
      state.window_at += 1;
      return tl::unexpected(std::move(value).error());
    }
    if (!*value) {
      state.window_at += 1;
      return tl::unexpected(
          Error{Errc::kCorruption, "another key lies where the index points", {}});
    }
    state.item.value = std::move((*value)->bytes);
    state.item.version = (*value)->version;
  }
  const std::size_t size = next.key.size() + state.item.value.size();
  if (state.is_over_budget(size)) {
    state.has_more = true;
    return state.finish();
  }
  state.item.key = std::move(next.key);
  state.window_at += 1;
  state.count += 1;
  state.bytes += size;
  return Step::kItem;
}

Cursor StoreImpl::range(RangeOptions options, Snapshot snapshot) const {
  auto state = std::make_unique<Cursor::State>();
  state->store = this;
  state->options = std::move(options);
  state->snapshot = std::move(snapshot);
  state->index_snapshot = &state->snapshot.state_->index;
  return Cursor(std::move(state));
}

}  // namespace kv
