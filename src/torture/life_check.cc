// What a life holds against its model.

#include <algorithm>

#include <fmt/format.h>

#include "format/names.h"
#include "torture/life.h"

namespace kv::torture {

namespace {

std::string show(const ModelState& state, const std::string& key) {
  const auto found = state.find(key);
  if (found == state.end()) return "nothing";
  return fmt::format("version {} ({} bytes)", found->second.version, found->second.bytes.size());
}

std::string show(const std::optional<Value>& value) {
  if (!value) return "nothing";
  return fmt::format("version {} ({} bytes)", value->version, value->bytes.size());
}

}  // namespace

void Life::check_alarms() {
  if (!expects_failures_ && !alarms_.empty()) demand(false, "false alarm: " + alarms_.front());
}

void Life::check_start() {
  check_alarms();
  if (problem_) return;
  const Version version = store_->stats().last_version;
  demand(
      version >= model_.promised(),
      fmt::format("the store opens with version {}; {} was promised", version, model_.promised()));
  demand(version <= model_.last(),
         fmt::format("the store opens with version {}; only {} were ever written, or the rest was "
                     "refused",
                     version, model_.last()));
  if (problem_) return;
  // Recovery makes what it found durable before it counts.
  model_.settle(version);
  check_state(model_.newest(), nullptr);
  check_files(false);
}

bool Life::check_convergence() {
  if (!goes_on()) return false;
  const Version version = store_->stats().last_version;
  restart({io::CrashMode::kLoseUnsynced, 0});
  if (!open()) return false;
  demand(store_->stats().last_version == version,
         fmt::format("a second start finds version {} where the first found {}",
                     store_->stats().last_version, version));
  demand(store_->stats().recovery.bytes_cut == 0, "a second start cuts a tail again");
  check_alarms();
  if (!problem_) check_state(model_.newest(), nullptr);
  check_files(true);
  return goes_on();
}

bool Life::check_afterlife() {
  if (!goes_on()) return false;
  PlannedWrite promised = plan_put("after", "life");
  promised.options.sync = Sync::kDisk;
  if (!write(promised) || !merge() || !check()) return false;
  restart({io::CrashMode::kLoseUnsynced, 0});
  if (!open()) return false;
  check_start();
  return goes_on();
}

// Of what was submitted only that which was applied may be seen, all of it.
void Life::check_visible() {
  if (problem_ || !goes_on()) return;
  const Version applied = store_->stats().last_version;
  if (applied < model_.durable() || applied > model_.last()) {
    return demand(!is_calm(), fmt::format("version {} is visible", applied));
  }
  const ModelState state = model_.at(applied);
  for (const Submitted& one : submitted_) {
    for (const ModelChange& change : one.planned.changes) check_key(change.key, state, nullptr);
  }
}

bool Life::check_state(const ModelState& state, const Snapshot* snapshot) {
  for (const std::string& key : keys_) check_key(key, state, snapshot);
  check_range(state, snapshot, false);
  check_range(state, snapshot, true);
  return goes_on();
}

void Life::check_key(const std::string& key, const ModelState& state, const Snapshot* snapshot) {
  if (problem_) return;
  const auto got = snapshot != nullptr ? store_->get(key, *snapshot) : store_->get(key);
  if (!got) {
    const bool is_expected = !is_calm() && got.error().code == Errc::kIo;
    return demand(is_expected, fmt::format("get {}: {}", key, kv::describe(got.error())));
  }
  const auto expected = state.find(key);
  const bool is_right = *got ? expected != state.end() && (*got)->bytes == expected->second.bytes &&
                                   (*got)->version == expected->second.version
                             : expected == state.end();
  if (is_right) return;
  demand(false, fmt::format("get {}: {}, expected {}", key, show(*got), show(state, key)));
}

void Life::check_range(const ModelState& state, const Snapshot* snapshot, bool is_reverse) {
  if (problem_) return;
  RangeOptions range;
  range.is_reverse = is_reverse;
  std::vector<const ModelState::value_type*> expected;
  for (const auto& item : state) expected.push_back(&item);
  if (is_reverse) std::reverse(expected.begin(), expected.end());
  Cursor cursor = store_->range(range, snapshot != nullptr ? *snapshot : store_->snapshot());
  std::size_t count = 0;
  for (;; ++count) {
    const auto step = cursor.next();
    if (!step) return demand(!is_calm(), "range: " + kv::describe(step.error()));
    if (*step == Cursor::Step::kEnd) break;
    const Item& item = cursor.item();
    const bool is_right = count < expected.size() && item.key == expected[count]->first &&
                          item.value == expected[count]->second.bytes &&
                          item.version == expected[count]->second.version;
    if (!is_right) {
      return demand(false, fmt::format("range: item {} is {} version {}; expected {}", count,
                                       item.key, item.version,
                                       count < expected.size() ? expected[count]->first : "none"));
    }
  }
  demand(count == expected.size(),
         fmt::format("range: {} items, expected {}", count, expected.size()));
}

void Life::check_files(bool is_second) {
  if (problem_ || !is_calm()) return;
  const auto names = machine_.list(kDirectory);
  if (!names) return;
  const Stats stats = store_->stats();
  for (const std::string& name : *names) check_file(name, stats, is_second);
  for (const SegmentStats& segment : stats.segments) {
    const std::string name = format::segment_name(static_cast<format::SegmentId>(segment.id));
    demand(std::ranges::find(*names, name) != names->end(), name + " is not there");
  }
}

// Nothing stays on the disk that the store does not account for. A hint whose segment went may
// stay until the next start.
void Life::check_file(const std::string& name, const Stats& stats, bool is_second) {
  const format::ParsedName parsed = format::parse_name(name);
  demand(parsed.kind != format::FileKind::kTemporary, name + " is left over");
  const bool is_segment = parsed.kind == format::FileKind::kSegment;
  if (!is_segment && (parsed.kind != format::FileKind::kHint || !is_second)) return;
  const auto segment = std::ranges::find(stats.segments, parsed.number, &SegmentStats::id);
  if (segment == stats.segments.end()) return demand(false, name + " belongs to no segment");
  if (!is_segment) return;
  const auto file = machine_.open(std::string(kDirectory) + "/" + name, io::OpenMode::kRead);
  if (!file) return demand(false, kv::describe(file.error()));
  const auto size = (*file)->size();
  demand(size && *size == segment->bytes, fmt::format("{} has {} bytes, accounted for are {}", name,
                                                      size.value_or(0), segment->bytes));
}

}  // namespace kv::torture
