#include "tests/unit/engine/support/store_story.h"

#include <algorithm>
#include <ostream>

#include <doctest/doctest.h>

#include "engine/store_impl.h"

namespace kv::test {

namespace {

constexpr const char* kDirectory = "/db";

// Keeps what the listener is told, by request.
class Outcomes final : public WriteListener {
 public:
  void on_written(const WriteTag& tag, Result<WriteResult> result) override {
    results.resize(std::max<std::size_t>(results.size(), tag.request + 1));
    results[tag.request] = std::move(result);
  }
  bool has(std::size_t request) const {
    return request < results.size() && results[request].has_value();
  }
  std::vector<std::optional<Result<WriteResult>>> results;
};

}  // namespace

StoreStory::StoreStory(std::uint64_t seed, Trouble trouble)
    : random_(seed), trouble_(trouble), fs_(seed) {
  options_.segment_size_max = 4096;
  options_.open_segments_max = 1 + static_cast<std::uint32_t>(below(3));
  options_.sync = chance(50) ? Sync::kDisk : Sync::kNone;
  options_.listener = this;
  recover();
}

StoreStory::~StoreStory() { shut(); }

std::string StoreStory::some_value() {
  const std::uint64_t size = chance(5) ? below(6'000) : below(300);
  return std::string(size, static_cast<char>('a' + below(26)));
}

void StoreStory::on_event(const Event& event) {
  if (event.level == Event::Level::kError) {
    alarms_.push_back(std::string(event.name) + " " + event.details);
  }
}

void StoreStory::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    CAPTURE(i);
    step();
    if (!fs_.is_on() || is_broken_) recover();
  }
  end_trouble();
  reopen();
}

void StoreStory::step() {
  if (!has_trouble_ && chance(6)) plan_trouble();
  if (has_trouble_ && chance(6)) end_trouble();
  const std::uint64_t choice = below(100);
  if (choice < 60) return write_one();
  if (choice < 75) return write_group();
  if (choice < 80) return take_snapshot();
  if (choice < 85) return check_snapshots();
  if (choice < 88) return sync();
  if (choice < 90) return reopen();
  if (choice < 92) return fs_.lose_power();
  if (choice < 95) return merge();
  if (choice < 97) return checkpoint();
  check_state(model_.newest(), nullptr);
}

void StoreStory::plan_trouble() {
  has_trouble_ = true;
  const std::uint64_t kinds = static_cast<std::uint64_t>(trouble_) + 1;
  const auto kind = static_cast<Trouble>(below(kinds));
  if (kind == Trouble::kCrashes) return fs_.lose_power_after(below(40));
  if (kind == Trouble::kFullDisk) {
    const auto space = fs_.space(kDirectory);
    REQUIRE(space.has_value());
    return fs_.set_capacity(space->total_bytes - space->free_bytes + below(5'000));
  }
  had_failures_ = true;
  static constexpr io::SimOperation kOperations[] = {
      io::SimOperation::kAnyChange, io::SimOperation::kWrite, io::SimOperation::kSync,
      io::SimOperation::kRead};
  io::SimFault fault;
  fault.operation = kOperations[below(std::size(kOperations))];
  fault.after = below(10);
  fault.is_short = chance(50);
  if (fault.operation != io::SimOperation::kRead && chance(30))
    fault.error = std::errc::no_space_on_device;
  fs_.plan(fault);
}

void StoreStory::end_trouble() {
  fs_.keep_power();
  fs_.clear_faults();
  fs_.set_capacity(std::uint64_t{1} << 40);
  has_trouble_ = !fs_.is_on();
}

StoreStory::Planned StoreStory::plan_write() {
  Planned planned;
  planned.key = some_key();
  if (chance(20)) planned.write.options.sync = Sync::kDisk;
  const std::uint64_t choice = below(100);
  if (choice < 15) {
    planned.write.kind = Write::Kind::kBatch;
    for (std::uint64_t i = below(6) + 1; i > 0; --i) {
      const std::string key = some_key();
      if (chance(30)) {
        planned.batch.del(key);
        planned.changes.push_back({key, std::nullopt});
      } else {
        const std::string value = some_value();
        planned.batch.put(key, value);
        planned.changes.push_back({key, value});
      }
    }
    return planned;
  }
  if (choice < 40) {
    planned.write.kind = Write::Kind::kDelete;
    planned.changes.push_back({planned.key, std::nullopt});
  } else {
    planned.value = some_value();
    planned.changes.push_back({planned.key, planned.value});
  }
  plan_condition(planned);
  return planned;
}

void StoreStory::plan_condition(Planned& planned) {
  const auto found = model_.newest().find(planned.key);
  const bool exists = found != model_.newest().end();
  const bool is_delete = planned.write.kind == Write::Kind::kDelete;
  Condition& condition = planned.write.options.condition;
  switch (below(10)) {
    case 0:
      condition.kind = Condition::Kind::kAbsent;
      planned.is_conflict = exists;
      break;
    case 1:
      condition.kind = Condition::Kind::kPresent;
      planned.is_conflict = !exists;
      break;
    case 2:
      condition.kind = Condition::Kind::kVersion;
      condition.version = exists && chance(70) ? found->second.version : 1 + below(50);
      planned.is_conflict = exists ? condition.version != found->second.version : !is_delete;
      break;
    default:
      break;
  }
  if (planned.is_conflict || (is_delete && !exists)) planned.changes.clear();
}

bool StoreStory::is_durable(const Write& write) const {
  return options_.sync == Sync::kDisk || write.options.sync == Sync::kDisk;
}

void StoreStory::write_one() {
  const Planned planned = plan_write();
  const Version version = planned.changes.empty() ? 0 : model_.attempt(planned.changes);
  Result<WriteResult> result;
  if (planned.write.kind == Write::Kind::kBatch) {
    result = store_->write(planned.batch, planned.write.options).map([](Version made) {
      return WriteResult{made, true};
    });
  } else if (planned.write.kind == Write::Kind::kPut) {
    result = store_->put(planned.key, planned.value, planned.write.options).map([](Version made) {
      return WriteResult{made, true};
    });
  } else {
    result = store_->del(planned.key, planned.write.options).map([](std::optional<Version> made) {
      return WriteResult{made.value_or(0), made.has_value()};
    });
  }
  judge(planned, version, result);
}

void StoreStory::write_group() {
  std::vector<Planned> planned(2 + below(6));
  std::vector<Version> versions;
  std::vector<bool> was_refused;
  Outcomes outcomes;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    Planned& one = planned[i];
    one = plan_write();
    versions.push_back(one.changes.empty() ? 0 : model_.attempt(one.changes));
    one.write.key = one.key;
    one.write.value = one.value;
    one.write.batch = &one.batch;
    store_->submit(one.write, outcomes, {0, i});
    // One that is refused at once leaves its version to the next.
    if (outcomes.has(i)) judge(one, versions[i], *outcomes.results[i]);
    was_refused.push_back(outcomes.has(i));
  }
  store_->flush();
  // The outcome of the sync reaches those who wait for it through their listener, too.
  const auto synced = store_->sync();
  if (!synced && is_calm()) FAIL(describe(synced.error()));
  if (!synced) is_broken_ = true;
  REQUIRE(outcomes.results.size() == planned.size());
  for (std::size_t i = 0; i < planned.size(); ++i) {
    CAPTURE(i);
    REQUIRE(outcomes.has(i));
    if (!was_refused[i]) judge(planned[i], versions[i], *outcomes.results[i]);
  }
  if (synced && !is_broken_) model_.promise(model_.last(), true);
}

void StoreStory::judge(const Planned& planned, Version version, const Result<WriteResult>& result) {
  if (!result) {
    CAPTURE(describe(result.error()));
    const Errc code = result.error().code;
    if (code == Errc::kConflict) {
      REQUIRE(planned.is_conflict);
      return;
    }
    REQUIRE(!is_calm());
    if (code == Errc::kUnknownOutcome || code == Errc::kReadOnly) is_broken_ = true;
    if (code == Errc::kUnknownOutcome || version == 0) return;
    // Nothing was done, and neither was what was submitted behind it.
    if (version <= model_.last()) model_.take_back(version - 1);
    return;
  }
  REQUIRE(!planned.is_conflict);
  REQUIRE(result->was_found == !planned.changes.empty());
  if (version == 0) return;
  REQUIRE(result->version == version);
  REQUIRE(version <= model_.last());
  model_.promise(version, is_durable(planned.write));
}

void StoreStory::sync() {
  const auto synced = store_->sync();
  if (synced) {
    model_.promise(model_.last(), true);
  } else {
    CAPTURE(describe(synced.error()));
    REQUIRE(!is_calm());
    is_broken_ = true;
  }
}

void StoreStory::merge() {
  const auto merged = store_->merge();
  if (merged) {
    // It began with a sync of everything.
    model_.promise(model_.last(), true);
    return;
  }
  CAPTURE(describe(merged.error()));
  // A MANIFEST that failed while there was trouble stays failed until the next open.
  REQUIRE((!is_calm() || had_failures_));
  const Errc code = merged.error().code;
  if (code == Errc::kUnknownOutcome || code == Errc::kReadOnly) is_broken_ = true;
}

void StoreStory::checkpoint() {
  const auto done = store_->checkpoint();
  if (done) return;
  CAPTURE(describe(done.error()));
  REQUIRE(!is_calm());
}

void StoreStory::take_snapshot() {
  Snapshot snapshot = store_->snapshot();
  REQUIRE(snapshot.version() == model_.last());
  snapshots_.push_back({std::move(snapshot), model_.newest()});
  if (snapshots_.size() > 4) {
    snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(below(4)));
  }
}

void StoreStory::check_snapshots() {
  for (const Seen& seen : snapshots_) check_state(seen.state, &seen.snapshot);
}

void StoreStory::shut() {
  snapshots_.clear();
  store_.reset();
}

void StoreStory::reopen() {
  snapshots_.clear();
  const auto closed = store_->close();
  if (!closed && is_calm() && !had_failures_) FAIL(describe(closed.error()));
  if (closed) model_.promise(model_.last(), true);
  recover();
}

void StoreStory::restart_machine() {
  static constexpr io::CrashMode kModes[] = {
      io::CrashMode::kRandom,    io::CrashMode::kRandom,       io::CrashMode::kRandom,
      io::CrashMode::kKeepCache, io::CrashMode::kLoseUnsynced, io::CrashMode::kKeepAll};
  const io::CrashMode mode = kModes[below(std::size(kModes))];
  if (mode != io::CrashMode::kKeepCache) model_.lose_cache();
  fs_.restart(mode, random_());
}

// Until it opens; it may crash again on the way.
void StoreStory::recover() {
  shut();
  for (;;) {
    if (!fs_.is_on()) {
      restart_machine();
      end_trouble();
      if (chance(30)) {
        fs_.lose_power_after(below(25));
        has_trouble_ = true;
      }
    }
    alarms_.clear();
    auto opened = StoreImpl::open(fs_, kDirectory, options_, Background::kCaller);
    if (opened) {
      store_ = StoreImpl::wrap(std::move(*opened));
      break;
    }
    CAPTURE(describe(opened.error()));
    REQUIRE(!is_calm());
    if (fs_.is_on()) end_trouble();
  }
  is_broken_ = false;
  had_failures_ = had_failures_ && has_trouble_;  // one may still be to come
  check_open();
}

void StoreStory::check_open() {
  for (const std::string& alarm : alarms_) {
    if (!has_trouble_) FAIL_CHECK(alarm);
  }
  const Version version = store_->stats().last_version;
  REQUIRE(version >= model_.promised());
  REQUIRE(version <= model_.last());
  // Recovery makes what it found durable before it counts.
  model_.settle(version);
  check_state(model_.newest(), nullptr);
}

void StoreStory::check_state(const ModelState& state, const Snapshot* snapshot) {
  for (int i = 0; i < 30; ++i) {
    const std::string key = "k" + std::to_string(i);
    CAPTURE(key);
    const auto got = snapshot != nullptr ? store_->get(key, *snapshot) : store_->get(key);
    if (!got) {
      CAPTURE(describe(got.error()));
      REQUIRE(!is_calm());
      REQUIRE(got.error().code == Errc::kIo);
      continue;
    }
    const auto expected = state.find(key);
    REQUIRE(got->has_value() == (expected != state.end()));
    if (!got->has_value()) continue;
    REQUIRE((*got)->bytes == expected->second.bytes);
    REQUIRE((*got)->version == expected->second.version);
  }
  check_range(state, snapshot != nullptr ? *snapshot : store_->snapshot());
}

void StoreStory::check_range(const ModelState& state, const Snapshot& snapshot) {
  RangeOptions range;
  range.is_reverse = chance(50);
  if (chance(30)) range.start = some_key();
  if (chance(30)) range.end = some_key();
  std::vector<std::pair<std::string, ModelValue>> expected;
  for (const auto& item : state) {
    const bool is_inside = item.first >= range.start && (!range.end || item.first < *range.end);
    if (is_inside) expected.push_back(item);
  }
  if (range.is_reverse) std::reverse(expected.begin(), expected.end());
  Cursor cursor = store_->range(range, snapshot);
  std::size_t count = 0;
  for (;;) {
    const auto step = cursor.next();
    if (!step) {
      CAPTURE(describe(step.error()));
      REQUIRE(!is_calm());
      return;
    }
    if (*step == Cursor::Step::kEnd) break;
    REQUIRE(count < expected.size());
    REQUIRE(cursor.item().key == expected[count].first);
    REQUIRE(cursor.item().value == expected[count].second.bytes);
    REQUIRE(cursor.item().version == expected[count].second.version);
    ++count;
  }
  REQUIRE(count == expected.size());
}

}  // namespace kv::test
