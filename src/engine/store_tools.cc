// What the store does for its operator: it verifies itself, makes backups, watches its disk.

#include <algorithm>

#include "engine/backup.h"
#include "engine/store_impl.h"

namespace kv {

namespace {

// A rate, until the store is closed.
class BackupPace final : public engine::ReadPace {
 public:
  BackupPace(std::uint64_t rate, engine::ReadPace& closing) : rate_(rate), closing_(closing) {}
  bool go_on(std::uint64_t bytes) override { return closing_.go_on(bytes) && rate_.go_on(bytes); }

 private:
  engine::RatePace rate_;
  engine::ReadPace& closing_;
};

}  // namespace

void StoreImpl::make_watchers() {
  engine::Scrubber::Settings settings;
  settings.rate = options_.scrub_rate;
  scrubber_ = std::make_unique<engine::Scrubber>(settings, *dir_, table_, options_.listener);
  const auto on_full = [merger = merger_.get()](bool is_full) { merger->set_disk_full(is_full); };
  space_watch_ = std::make_unique<engine::SpaceWatch>(
      engine::SpaceWatch::Settings{options_.space_reserve, options_.segment_size_max, on_full},
      dir_->fs(), dir_->path(), *pipeline_, options_.listener);
  space_watch_->look();
}

void StoreImpl::stop_upkeep() {
  closing_.stop();
  scrubber_->stop();
}

void StoreImpl::stop_watchers() {
  stop_upkeep();
  if (scrubber_thread_.joinable()) scrubber_thread_.join();
  space_watch_->stop();
  if (space_thread_.joinable()) space_thread_.join();
}

Result<VerifyReport> StoreImpl::verify(const VerifyOptions& options) {
  if (is_closed()) return tl::unexpected(closed());
  return scrubber_->verify(options);
}

Result<void> StoreImpl::seal_all() {
  // Without a spare the log cannot go on elsewhere.
  if (auto made = keeper_->work(); !made) return made;
  pipeline_->rotate();
  if (auto synced = pipeline_->sync(); !synced) return synced;
  return keeper_->work();
}

Result<BackupSummary> StoreImpl::backup(const std::string& directory,
                                        const BackupOptions& options) {
  if (is_closed()) return tl::unexpected(closed());
  if (auto sealed = seal_all(); !sealed) return tl::unexpected(std::move(sealed).error());
  // Before the state is taken: whatever it lists is there now or leaves under the pin.
  const auto pin = table_.pin();
  const auto segments = table_.all();
  engine::BackupSource source;
  source.dir = dir_->path();
  source.identity = dir_->identity();
  source.state = dir_->manifest().state();
  for (const auto& [id, info] : source.state.segments) {
    if (info.is_sealed) source.version = std::max(source.version, info.last_sequence);
  }
  BackupPace pace(options.rate_max, closing_);
  return engine::make_backup(dir_->fs(), source, directory, options, pace);
}

}  // namespace kv
