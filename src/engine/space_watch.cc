#include "engine/space_watch.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace kv::engine {

namespace {

constexpr std::chrono::milliseconds kTick{100};

std::string_view name_of(SpaceState state) {
  switch (state) {
    case SpaceState::kNormal:
      return "disk has room again";
    case SpaceState::kFull:
      return "disk full";
    case SpaceState::kMergesOnly:
      break;
  }
  return "disk full to the reserve of merges";
}

std::string_view action_of(SpaceState state) {
  switch (state) {
    case SpaceState::kNormal:
      return "all writes go on";
    case SpaceState::kFull:
      return "puts are refused, deletes and merges go on";
    case SpaceState::kMergesOnly:
      break;
  }
  return "puts and deletes are refused, merges go on";
}

}  // namespace

SpaceWatch::SpaceWatch(Settings settings, io::FileSystem& fs, std::string dir,
                       CommitPipeline& pipeline, EventListener* listener)
    : settings_(std::move(settings)),
      fs_(fs),
      dir_(std::move(dir)),
      pipeline_(pipeline),
      listener_(listener),
      guard_(settings_.reserve) {}

void SpaceWatch::look() {
  const auto space = fs_.space(dir_);
  if (!space) return;
  SpaceState state{};
  std::uint64_t reserve = 0;
  bool has_changed = false;
  {
    const std::lock_guard lock(mutex_);
    space_ = *space;
    has_changed =
        guard_.note(*space, settings_.segment_size_max, pipeline_.take_space_refusals() > 0);
    state = guard_.state();
    reserve = guard_.reserve();
    pipeline_.limit_space(guard_.room(), state != SpaceState::kMergesOnly);
  }
  if (!has_changed) return;
  if (settings_.on_full) settings_.on_full(state != SpaceState::kNormal);
  if (listener_ == nullptr) return;
  listener_->on_event({state == SpaceState::kNormal ? Event::Level::kInfo : Event::Level::kError,
                       name_of(state),
                       fmt::format("directory={} free_bytes={} reserve_bytes={} action=\"{}\"",
                                   dir_, space->free_bytes, reserve, action_of(state))});
}

void SpaceWatch::run() {
  for (;;) {
    look();
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, kTick, [this] { return is_stopped_; });
    if (is_stopped_) return;
  }
}

void SpaceWatch::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  stopped_.notify_all();
}

SpaceStats SpaceWatch::stats() const {
  const std::lock_guard lock(mutex_);
  return {guard_.state(), space_.free_bytes, space_.total_bytes, guard_.reserve()};
}

}  // namespace kv::engine
