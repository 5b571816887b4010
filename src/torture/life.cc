#include "torture/life.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/store_impl.h"

namespace kv::torture {

namespace {

constexpr std::size_t kTrailMax = 40;

std::string describe(const PlannedWrite& planned) {
  switch (planned.kind) {
    case Write::Kind::kPut:
      return fmt::format("put {} ({} bytes)", planned.key, planned.value.size());
    case Write::Kind::kDelete:
      return "delete " + planned.key;
    case Write::Kind::kUpdate:
      return fmt::format("update {} (by {} bytes)", planned.key, planned.value.size());
    case Write::Kind::kOpenSession:  // it has none
    case Write::Kind::kBatch:
      break;
  }
  std::string text = "batch";
  for (const ModelChange& change : planned.changes) {
    text += fmt::format(" {}{}", change.value ? "+" : "-", change.key);
  }
  return text;
}

// What plan_update() tells of.
class Append final : public ValueUpdate {
 public:
  explicit Append(std::string_view suffix) : suffix_(suffix) {}
  [[nodiscard]] Result<Action> apply(std::optional<std::string_view> current,
                                     std::string& next) override {
    constexpr std::size_t kLong = 500;
    if (suffix_.empty()) return current ? Action::kDelete : Action::kNothing;
    if (current && current->size() < kLong) next = *current;
    next += suffix_;
    return Action::kPut;
  }

 private:
  const std::string_view suffix_;
};

}  // namespace

std::string describe(const Aftermath& aftermath) {
  switch (aftermath.mode) {
    case io::CrashMode::kKeepCache:
      return "cache";
    case io::CrashMode::kLoseUnsynced:
      return "synced";
    case io::CrashMode::kKeepAll:
      return "all";
    case io::CrashMode::kRandom:
      break;
  }
  return fmt::format("random:{}", aftermath.variant);
}

PlannedWrite plan_put(std::string key, std::string value) {
  PlannedWrite planned;
  planned.key = std::move(key);
  planned.value = std::move(value);
  planned.changes.push_back({planned.key, planned.value});
  return planned;
}

PlannedWrite plan_delete(std::string key) {
  PlannedWrite planned;
  planned.kind = Write::Kind::kDelete;
  planned.key = std::move(key);
  planned.changes.push_back({planned.key, std::nullopt});
  return planned;
}

PlannedWrite plan_update(std::string key, const ModelState& before, std::string suffix) {
  PlannedWrite planned;
  planned.kind = Write::Kind::kUpdate;
  planned.key = std::move(key);
  planned.value = std::move(suffix);
  const auto found = before.find(planned.key);
  std::optional<std::string_view> current;
  if (found != before.end()) current = found->second.bytes;
  std::string next;
  const auto action = Append(planned.value).apply(current, next);
  if (*action == ValueUpdate::Action::kPut) planned.changes.push_back({planned.key, next});
  if (*action == ValueUpdate::Action::kDelete) {
    planned.changes.push_back({planned.key, std::nullopt});
  }
  return planned;
}

Life::Life(const Settings& settings, io::SimDisk disk)
    : machine_(std::move(disk), settings.seed), fs_(machine_) {
  options_.segment_size_max = 4096;
  options_.open_segments_max = settings.open_segments_max;
  options_.sync = settings.sync;
  options_.value_cache_max = settings.value_cache_max;
  options_.listener = this;
}

Life::~Life() { shut(); }

void Life::demand(bool holds, std::string_view what) {
  if (holds || problem_) return;
  problem_ = what;
}

void Life::note(std::string step) {
  trail_.push_back(fmt::format("[{}] {}", machine_.changes(), std::move(step)));
  if (trail_.size() > kTrailMax) trail_.pop_front();
}

void Life::expect_failures(bool are_faults) {
  expects_failures_ = true;
  had_faults_ = had_faults_ || are_faults;
}

void Life::expect_calm() { expects_failures_ = false; }

void Life::on_event(const Event& event) {
  if (event.level != Event::Level::kError) return;
  alarms_.push_back(std::string(event.name) + " " + event.details);
}

void Life::shut() {
  snapshots_.clear();
  store_.reset();
}

bool Life::close() {
  note("close");
  snapshots_.clear();
  const auto closed = store_->close();
  if (closed) {
    model_.promise(model_.last(), true);
  } else {
    demand(!is_calm() || had_faults_, "close failed: " + kv::describe(closed.error()));
  }
  store_.reset();
  return closed.has_value() && goes_on();
}

bool Life::open() {
  shut();
  note("open");
  alarms_.clear();
  submitted_.clear();
  auto opened = StoreImpl::open(fs_, kDirectory, options_, Background::kCaller);
  if (!opened) {
    demand(!is_calm(), "the store does not open: " + kv::describe(opened.error()));
    return false;
  }
  store_ = StoreImpl::wrap(std::move(*opened));
  is_broken_ = false;
  had_faults_ = had_faults_ && expects_failures_;  // one may still be to come
  return goes_on();
}

void Life::restart(const Aftermath& aftermath) {
  if (machine_.is_on()) machine_.lose_power();
  shut();  // whatever it tries now fails
  note(fmt::format("restart, {} kept, after {}", describe(aftermath), machine_.last_words()));
  if (aftermath.mode != io::CrashMode::kKeepCache) model_.lose_cache();
  machine_.restart(aftermath.mode, aftermath.variant);
  is_broken_ = false;
}

bool Life::is_durable(const PlannedWrite& planned) const {
  return options_.sync == Sync::kDisk || planned.options.sync == Sync::kDisk;
}

void Life::submit(PlannedWrite planned) {
  note(describe(planned));
  for (const ModelChange& change : planned.changes) keys_.insert(change.key);
  const std::size_t at = submitted_.size();
  const Version version = planned.changes.empty() ? 0 : model_.attempt(planned.changes);
  submitted_.push_back({std::move(planned), version, {}, false});
  const PlannedWrite& kept = submitted_.back().planned;
  Write write;
  write.kind = kept.kind;
  write.key = kept.key;
  write.value = kept.value;
  write.batch = &kept.batch;
  write.options = kept.options;
  Append update(kept.value);
  if (kept.kind == Write::Kind::kUpdate) write.update = &update;
  store_->submit(write, *this, {0, at});
  // One that is refused at once leaves its version to the next.
  judge_newest();
}

void Life::judge_newest() {
  Submitted& one = submitted_.back();
  if (one.was_judged || !one.result) return;
  judge(one.planned, one.version, *one.result);
  one.was_judged = true;
}

void Life::on_written(const WriteTag& tag, Result<WriteResult> result) {
  if (tag.request >= submitted_.size()) return;
  submitted_[tag.request].result = std::move(result);
}

void Life::judge_submitted() {
  for (std::size_t i = 0; i < submitted_.size(); ++i) {
    Submitted& one = submitted_[i];
    if (one.was_judged) continue;
    if (!one.result) {
      demand(!is_calm(), "a write was not answered");
      continue;
    }
    judge(one.planned, one.version, *one.result);
  }
  submitted_.clear();
}

bool Life::write(const PlannedWrite& planned) {
  note(describe(planned));
  for (const ModelChange& change : planned.changes) keys_.insert(change.key);
  const Version version = planned.changes.empty() ? 0 : model_.attempt(planned.changes);
  Result<WriteResult> result;
  const auto as_found = [](Version made) { return WriteResult{made, true}; };
  const auto as_result = [](std::optional<Version> made) {
    return WriteResult{made.value_or(0), made.has_value()};
  };
  if (planned.kind == Write::Kind::kBatch) {
    result = store_->write(planned.batch, planned.options).map(as_found);
  } else if (planned.kind == Write::Kind::kPut) {
    result = store_->put(planned.key, planned.value, planned.options).map(as_found);
  } else if (planned.kind == Write::Kind::kUpdate) {
    Append update(planned.value);
    result = store_->update(planned.key, update, planned.options).map(as_result);
  } else {
    result = store_->del(planned.key, planned.options).map(as_result);
  }
  judge(planned, version, result);
  return goes_on();
}

bool Life::finish_group() {
  store_->flush();
  check_visible();
  // The outcome of the sync reaches those who wait for it through their listener, too.
  const auto synced = store_->sync();
  if (!synced) note_error(synced.error(), "sync");
  judge_submitted();
  if (synced && !is_broken_ && !problem_) model_.promise(model_.last(), true);
  return goes_on();
}

void Life::judge(const PlannedWrite& planned, Version version, const Result<WriteResult>& result) {
  if (problem_) return;
  if (!result) {
    const Errc code = result.error().code;
    const std::string error = kv::describe(result.error());
    if (code == Errc::kConflict) {
      return demand(planned.is_conflict, "a condition that holds was refused: " + error);
    }
    // One that failed when nobody waited for it stops the writes that come later.
    const bool is_stopped = had_faults_ && code == Errc::kReadOnly;
    demand(!is_calm() || is_stopped, "a write failed: " + error);
    if (code == Errc::kUnknownOutcome || code == Errc::kReadOnly) is_broken_ = true;
    if (code == Errc::kUnknownOutcome || version == 0) return;
    // Nothing was done, and neither was what was submitted behind it.
    demand(version > model_.promised(), "a write was refused behind one that was acknowledged");
    if (version <= model_.last() && !problem_) model_.take_back(version - 1);
    return;
  }
  demand(!planned.is_conflict, "a condition that does not hold was passed");
  demand(result->was_found == !planned.changes.empty(), "a delete found what is not there, or not");
  if (version == 0 || problem_) return;
  demand(result->version == version,
         fmt::format("a write got version {} instead of {}", result->version, version));
  demand(version <= model_.last(), "a write was acknowledged behind one that was refused");
  if (!problem_) model_.promise(version, is_durable(planned));
}

void Life::note_error(const Error& error, std::string_view step) {
  note(fmt::format("{} failed: {}", step, kv::describe(error)));
  demand(!is_calm() || had_faults_, fmt::format("{} failed: {}", step, kv::describe(error)));
  is_broken_ = true;
}

bool Life::sync() {
  note("sync");
  const auto synced = store_->sync();
  if (synced) {
    model_.promise(model_.last(), true);
  } else {
    note_error(synced.error(), "sync");
  }
  return goes_on();
}

// In the middle of the merge locks may be held: writes are handed over and not waited for.
bool Life::merge(std::span<const std::uint64_t> operations,
                 const std::function<PlannedWrite()>& plan) {
  note(fmt::format("merge, {} writes meanwhile", operations.size()));
  std::uint64_t operation = 0;
  // It begins with a sync of everything.
  const Version before = model_.last();
  fs_.set_turn([&] {
    for (; !operations.empty() && operations.front() <= operation;
         operations = operations.subspan(1)) {
      if (!machine_.is_on() || problem_) break;
      submit(plan());
      store_->flush();
      judge_newest();
    }
    ++operation;
  });
  const auto merged = store_->merge();
  fs_.set_turn({});
  if (merged) {
    model_.promise(before, true);
  } else {
    // A MANIFEST that failed while there was trouble stays failed until the next open.
    demand(!is_calm() || had_faults_, "merge failed: " + kv::describe(merged.error()));
    const Errc code = merged.error().code;
    if (code == Errc::kUnknownOutcome || code == Errc::kReadOnly) is_broken_ = true;
  }
  if (!submitted_.empty()) {
    if (machine_.is_on() && std::ranges::any_of(submitted_, [](auto& one) { return !one.result; }))
      sync();
    judge_submitted();
  }
  return goes_on();
}

bool Life::checkpoint() {
  note("checkpoint");
  const auto done = store_->checkpoint();
  // One that is not made costs time at the next start, and nothing else.
  if (!done) demand(!is_calm() || had_faults_, "checkpoint failed: " + kv::describe(done.error()));
  return goes_on();
}

bool Life::take_snapshot() {
  note("take a snapshot");
  Snapshot snapshot = store_->snapshot();
  demand(snapshot.version() == model_.last(), "a snapshot is not of now");
  snapshots_.push_back({std::move(snapshot), model_.newest()});
  return goes_on();
}

void Life::drop_snapshot(std::size_t which) {
  snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(which));
}

bool Life::check_snapshots() {
  note("check snapshots");
  for (const Seen& seen : snapshots_) check_state(seen.state, &seen.snapshot);
  return goes_on();
}

}  // namespace kv::torture
