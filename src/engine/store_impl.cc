#include "engine/store_impl.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "base/memory_limit.h"
#include "base/thread.h"
#include "engine/inspect.h"
#include "engine/kept_tail.h"
#include "format/identity.h"
#include "format/session.h"

namespace kv {

namespace {

// Waits for one write.
class WriteWaiter final : public WriteListener {
 public:
  void on_written(const WriteTag&, Result<WriteResult> result) override {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    is_done_ = true;
    done_.notify_one();
  }
  bool is_done() {
    const std::lock_guard lock(mutex_);
    return is_done_;
  }
  Result<WriteResult> wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return is_done_; });
    return std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  Result<WriteResult> result_;
};

Error invalid(std::string context) { return {Errc::kInvalidArgument, std::move(context), {}}; }

std::optional<Error> check(const Options& options) {
  constexpr std::uint64_t kSegmentMin = 4096;
  constexpr std::uint64_t kSegmentMax = std::uint64_t{4} * 1024 * 1024 * 1024;
  if (options.segment_size_max < kSegmentMin || options.segment_size_max > kSegmentMax) {
    return invalid(fmt::format("segment_size_max is {}; {} to {} bytes are allowed",
                               options.segment_size_max, kSegmentMin, kSegmentMax));
  }
  if (options.open_segments_max < 1) return invalid("open_segments_max is 0; at least 1 is needed");
  if (!(options.space_target > 1)) {
    return invalid(fmt::format("space_target is {}; more than 1 is needed", options.space_target));
  }
  if (options.sync_interval < std::chrono::milliseconds(1) ||
      options.sync_interval > std::chrono::hours(1)) {
    return invalid(fmt::format("sync_interval is {} ms; 1 ms to 1 h are allowed",
                               options.sync_interval.count()));
  }
  return std::nullopt;
}

std::uint64_t default_value_cache() {
  constexpr std::uint64_t kMax = std::uint64_t{2} << 30;
  return std::min(kMax, base::memory_limit() / 8);
}

}  // namespace

Error StoreImpl::closed() { return {Errc::kClosed, "the store is closed", {}}; }

StoreImpl::StoreImpl(const Options& options, std::unique_ptr<engine::DataDirectory> dir,
                     Background background, std::optional<Replicated> replicated)
    : options_(options),
      background_(background),
      replicated_(std::move(replicated)),
      dir_(std::move(dir)),
      table_(dir_->fs(), options.open_segments_max),
      cache_(options.value_cache_max.value_or(default_value_cache())) {
  table_.on_reuse = [this] { cache_.clear(); };
}

Result<std::unique_ptr<StoreImpl>> StoreImpl::open(io::FileSystem& fs, const std::string& directory,
                                                   const Options& options, Background background,
                                                   std::optional<Replicated> replicated) {
  if (auto refused = check(options)) return tl::unexpected(std::move(*refused));
  auto dir = engine::DataDirectory::open(fs, directory, options.holder, options.create_if_missing,
                                         options.listener);
  if (!dir) return tl::unexpected(std::move(dir).error());
  return open(std::move(*dir), options, background, std::move(replicated));
}

Result<std::unique_ptr<StoreImpl>> StoreImpl::open(std::unique_ptr<engine::DataDirectory> dir,
                                                   const Options& options, Background background,
                                                   std::optional<Replicated> replicated) {
  if (auto refused = check(options)) return tl::unexpected(std::move(*refused));
  if (!replicated && !dir->identity().cluster_id.is_nil()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("{} is node {} of a cluster, and writes to it alone would part it from "
                          "the others; start it as that, or `kv salvage` what it has into another "
                          "directory",
                          dir->path(), dir->identity().node_id),
              {}});
  }
  std::unique_ptr<StoreImpl> store(
      new StoreImpl(options, std::move(dir), background, std::move(replicated)));
  if (auto started = store->start(); !started) {
    store->is_closed_ = true;  // nothing to seal
    return tl::unexpected(std::move(started).error());
  }
  return store;
}

Result<void> StoreImpl::start() {
  const std::uint32_t processors = std::max(1u, std::thread::hardware_concurrency());
  const std::uint32_t threads = background_ == Background::kCaller ? 1
                                : options_.recovery_threads > 0    ? options_.recovery_threads
                                                                   : processors;
  std::optional<std::uint64_t> committed;
  engine::LostListener on_lost;
  if (replicated_) committed = replicated_->committed;
  if (replicated_) on_lost = replicated_->on_lost;
  auto recovered =
      engine::recover({*dir_, table_, index_, threads, options_.listener, committed, on_lost});
  if (!recovered) return tl::unexpected(std::move(recovered).error());
  recovery_ = recovered->stats;
  hidden_ = std::move(recovered->hidden);
  const std::uint64_t sessions = count_sessions(recovered->applied_sequence);
  recovery_.keys -= sessions;
  pipeline_ = std::make_unique<engine::CommitPipeline>(
      engine::CommitPipeline::Settings{options_.sync, options_.segment_size_max,
                                       replicated_.has_value(), recovered->applied_sequence,
                                       replicated_ ? replicated_->may_ack_local : nullptr, sessions,
                                       options_.sessions_max},
      index_, table_, cache_,
      engine::LogTail(dir_->fs(), recovered->last_sequence, recovered->chain,
                      format::database_id_hash(dir_->identity()),
                      replicated_ ? format::kSegmentVersionWithSystem : format::kSegmentVersion));
  if (auto adopted = engine::adopt_tail(*dir_, table_, *pipeline_, recovered->kept); !adopted) {
    return adopted;
  }
  if (replicated_) {
    pipeline_->on_log_news = replicated_->on_log_news;
    pipeline_->on_compare = [this](std::uint64_t sequence) { note_comparison(sequence); };
  }
  lost_sequence_ = recovered->lost_sequence;
  lost_term_ = recovered->lost_term;
  keeper_ = std::make_unique<engine::SegmentKeeper>(*dir_, table_, *pipeline_, options_.listener);
  merger_ = make_merger();
  merger_->note_covered(recovered->covered);
  auto spare = recovered->spare ? keeper_->reuse_spare(*recovered->spare) : keeper_->work();
  if (!spare) return spare;
  make_watchers();
  if (replicated_) pipeline_->commit(std::min(replicated_->committed, recovered->last_sequence));
  if (background_ == Background::kThreads) start_threads();
  return {};
}

void StoreImpl::start_threads() {
  pipeline_->on_rotation = [keeper = keeper_.get()] { keeper->poke(); };
  std::optional<std::chrono::milliseconds> interval;
  if (options_.sync == Sync::kInterval) interval = options_.sync_interval;
  const auto start = [](const char* name, int nice, auto run) {
    return std::jthread([=] {
      base::name_thread(name);
      base::lower_priority(nice);
      run();
    });
  };
  // Nobody waits for a hint; a spare that comes late lets the segment grow.
  constexpr int kKeeperNice = 5;
  log_thread_ = start("kv-log", 0, [this, interval] { pipeline_->drive(interval); });
  keeper_thread_ = start("kv-keeper", kKeeperNice, [this] { keeper_->run(); });
  merger_thread_ = start("kv-merger", 0, [this] { merger_->run(); });
  space_thread_ = start("kv-space", 0, [this] { space_watch_->run(); });
  if (options_.scrub_rate > 0) {
    scrubber_thread_ = start("kv-scrubber", 19, [this] { scrubber_->run(); });
  }
}

std::unique_ptr<engine::Merger> StoreImpl::make_merger() {
  engine::Merger::Settings settings;
  settings.budget.space_target = options_.space_target;
  settings.budget.rate_max = options_.merge_rate_max;
  settings.runs_aside = background_ == Background::kThreads;
  settings.budget.dead_bytes_min =
      std::min(settings.budget.dead_bytes_min, 2 * options_.segment_size_max);
  settings.segment_size_max = options_.segment_size_max;
  settings.is_automatic = options_.merges_automatically;
  if (replicated_) settings.log_floor = dir_->manifest().state().log_floor.sequence;
  settings.checkpoint_records_min = options_.checkpoint_records_min;
  settings.space_reserve = options_.space_reserve;
  return std::make_unique<engine::Merger>(
      settings,
      engine::MergeContext{*dir_, table_, index_, cache_, *pipeline_, options_.listener, 0},
      *keeper_);
}

Result<MergeSummary> StoreImpl::merge(std::uint64_t rate_max) {
  if (is_closed()) return tl::unexpected(closed());
  auto done = merger_->merge_all(rate_max);
  if (!done) return tl::unexpected(std::move(done).error());
  return MergeSummary{done->inputs,          done->outputs.size(), done->bytes_read,
                      done->bytes_written,   done->puts_kept,      done->deletes_kept,
                      done->deletes_dropped, done->was_stopped};
}

Result<void> StoreImpl::raise_log_floor(const format::LogFloor& floor) {
  const format::Edit edits[] = {floor};
  if (auto done = dir_->manifest().append(edits); !done) return done;
  merger_->raise_log_floor(floor.sequence);
  return {};
}

Result<Inspection> StoreImpl::inspect(std::string_view key) const {
  if (is_closed()) return tl::unexpected(closed());
  if (key.empty() || key.size() > kKeySizeMax) return tl::unexpected(invalid("no such key"));
  return engine::inspect(*dir_, table_, index_, key);
}

Result<void> StoreImpl::checkpoint() {
  if (is_closed()) return tl::unexpected(closed());
  return merger_->checkpoint();
}

StoreImpl::~StoreImpl() {
  // Who wants to hear of failures calls close().
  [[maybe_unused]] const auto closed_now = close();
}

Result<void> StoreImpl::close() {
  const std::lock_guard lock(close_mutex_);
  if (is_closed_.exchange(true, std::memory_order_acq_rel)) return {};
  stop_watchers();
  merger_->stop();
  if (merger_thread_.joinable()) merger_thread_.join();
  pipeline_->close();
  if (replicated_) pipeline_->give_up_uncommitted();
  auto synced = pipeline_->sync();
  pipeline_->stop();
  if (log_thread_.joinable()) log_thread_.join();
  keeper_->stop();
  if (keeper_thread_.joinable()) keeper_thread_.join();
  if (!synced) return synced;
  if (auto sealed = keeper_->work(); !sealed) return sealed;
  pipeline_->retire_active();
  if (auto again = pipeline_->sync(); !again) return again;
  pipeline_->help_sync();
  return keeper_->work();
}

void StoreImpl::submit(const Write& write, WriteListener& listener, WriteTag tag) {
  if (background_ == Background::kCaller) space_watch_->look();
  submit_checked(write, listener, tag);
}

// Damage may hide what an update, or what a session remembers, must begin with.
void StoreImpl::submit_checked(const Write& write, WriteListener& listener, WriteTag tag) {
  const bool is_of_session = write.session.session != 0 && write.kind != Write::Kind::kOpenSession;
  if ((write.kind == Write::Kind::kUpdate || is_of_session) && !hidden_.empty()) {
    const std::string session =
        is_of_session ? format::session_key(write.session.session) : std::string();
    if (auto current = get(is_of_session ? session : write.key, write.mode); !current) {
      return listener.on_written(tag, tl::unexpected(std::move(current).error()));
    }
  }
  pipeline_->submit(write, listener, tag);
}

// A disk that takes longer keeps nobody: waking a thread is little beside it.
void StoreImpl::flush(ReadMode mode) {
  constexpr std::chrono::milliseconds kQuick(2);
  const bool stays = mode == ReadMode::kMayBlock && pipeline_->write_latency() < kQuick;
  pipeline_->flush(stays ? ReadMode::kMayBlock : ReadMode::kNoWait);
  if (stays) pipeline_->help_sync();
}

Result<WriteResult> StoreImpl::write(const Write& write) {
  if (background_ == Background::kCaller) space_watch_->look();
  WriteWaiter waiter;
  submit_checked(write, waiter, {});
  pipeline_->flush(ReadMode::kMayBlock);
  if (waiter.is_done()) {
    pipeline_->hand_over_sync();
  } else {
    pipeline_->help_sync();
  }
  if (background_ == Background::kCaller) caller_work();
  return waiter.wait();
}

void StoreImpl::caller_work() {
  pipeline_->help_sync();
  // What fails here is told to the listener and tried again with the next write.
  [[maybe_unused]] const auto done = keeper_->work();
}

Result<void> StoreImpl::sync() {
  if (is_closed()) return tl::unexpected(closed());
  return pipeline_->sync();
}

}  // namespace kv
