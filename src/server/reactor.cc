#include "server/reactor.h"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "base/clock.h"
#include "base/thread.h"

namespace kv::server {

namespace {

// Goes on while the machine is suspended.
std::chrono::nanoseconds boot_time() { return base::time_of(CLOCK_BOOTTIME); }

}  // namespace

Reactor::Reactor(const ReactorContext& shared, Counters& counters)
    : shared_(shared),
      counters_(counters),
      log_(shared.options.log),
      work_guard_(asio::make_work_guard(io_)),
      timer_(io_),
      context_{shared.options,
               shared.backend,
               *this,
               *this,
               shared.stats,
               shared.cursors,
               counters,
               log_,
               shared.request_memory,
               shared.output_memory,
               [] { return std::chrono::steady_clock::now(); },
               shared.cluster,
               shared.cluster == nullptr ? nullptr : this} {}

Reactor::~Reactor() { join(); }

void Reactor::start() {
  thread_ = std::thread([this] {
    base::name_thread("kv-reactor");
    io_.run();
  });
}

void Reactor::join() {
  if (thread_.joinable()) thread_.join();
}

// The heart: writes that came together go to the log together, and what waited for them goes on,
// until nothing more can be done without the outside.
void Reactor::run_batch() {
  has_batch_posted_ = false;
  is_in_batch_ = true;
  ReadMode mode = flush_mode();
  do {
    if (std::exchange(must_flush_, false)) shared_.backend.flush(mode);
    mode = ReadMode::kNoWait;  // replies wait for one sync, not for those of the writes behind them
  } while (deliver() || must_flush_);
  deliver_finished();
  deliver_rounds();
  is_in_batch_ = false;
  const auto queued = std::exchange(queued_, {});
  for (const auto& connection : queued) {
    connection->is_queued = false;
    connection->go_on();
  }
  begin_round();
  end_if_done();
}

// While a lone client waits for the disk there is nobody else to be served, so this thread can do
// it as well as another, which would have to be woken, and wake this one in turn. One that sends
// many at a time does not wait: the next ones are taken in meanwhile. Large values take their time
// on the way to the disk, beside which waking a thread is little, and who connects meanwhile is
// not to wait for them.
ReadMode Reactor::flush_mode() const {
  constexpr std::uint64_t kFew = 4;
  constexpr std::uint64_t kFewBytes = 64 * 1024;
  const bool is_alone = connections_.size() == 1 && slow_tasks_ == 0 && !is_stopping_;
  const bool is_waiting = context_.writes_under_way <= kFew;
  const bool are_small = std::ranges::all_of(queued_, [](const auto& connection) {
    return connection->conversation().bytes_under_way() <= kFewBytes;
  });
  return is_alone && is_waiting && are_small ? ReadMode::kMayBlock : ReadMode::kNoWait;
}

// False: no write was acknowledged.
bool Reactor::deliver() {
  delivering_.clear();
  std::swap(delivering_, own_written_);
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = false;
    for (Written& written : written_) delivering_.push_back(std::move(written));
    written_.clear();
    for (Finished& finished : finished_) finishing_.push_back(std::move(finished));
    finished_.clear();
  }
  const Time acknowledged = now();
  for (const Written& written : delivering_) {
    context_.writes_under_way -= 1;
    const auto connection = connections_.find(written.tag.owner);
    if (connection == nullptr) continue;  // the client went away meanwhile
    connection->conversation().written(written.tag.request, written.result, acknowledged);
    queue(connection);
  }
  if (delivering_.empty()) return false;
  for (const auto& connection : queued_) {
    connection->conversation().go_on();
    must_flush_ |= connection->conversation().take_unflushed();
  }
  return true;
}

void Reactor::deliver_finished() {
  for (Finished& finished : std::exchange(finishing_, {})) {
    slow_tasks_ -= 1;
    const auto connection = connections_.find(finished.connection);
    if (connection == nullptr) continue;
    connection->conversation().slow_task_finished(*finished.task);
    queue(connection);
  }
}

bool Reactor::covers(const ReadLevel& level) {
  if (level.epoch > 0) return false;
  if (level.min_version > 0) return is_whole() && shared_.backend.version() >= level.min_version;
  const auto leased = shared_.cluster->lease_version();
  if (leased && shared_.backend.version() >= *leased) return true;
  return level.stale_max.count() > 0 && proven_ && boot_time() - *proven_ <= level.stale_max;
}

bool Reactor::is_whole() const { return shared_.cluster->is_whole(); }

void Reactor::join(std::uint64_t conversation, const ReadLevel& level) {
  if (level.min_version > 0) return await_version(conversation, level);
  joined_.push_back(conversation);
  run_batch_later();
}

void Reactor::await_version(std::uint64_t conversation, const ReadLevel& level) {
  if (waits_ >= shared_.options.waits_max) {
    Error error{Errc::kTryLater, "reason=queue too many wait for versions", {}};
    return round_ended({{conversation}, tl::unexpected(std::move(error)), {}, true});
  }
  waits_ += 1;
  shared_.cluster->await_version(level, [this, conversation](Result<void> result) {
    round_ended({{conversation}, std::move(result), {}, false});
  });
}

// Any thread.
void Reactor::round_ended(Round round) {
  const std::lock_guard lock(mutex_);
  rounds_.push_back(std::move(round));
  wake();
}

// Behind all that was ready: what those asked who joined was received before.
void Reactor::begin_round() {
  if (joined_.empty()) return;
  slow_tasks_ += 1;
  shared_.cluster->confirm_read(
      [this, connections = std::exchange(joined_, {}), begun = boot_time()](Result<void> result) {
        round_ended({connections, std::move(result), begun, false});
      });
}

void Reactor::deliver_rounds() {
  std::vector<Round> rounds;
  {
    const std::lock_guard lock(mutex_);
    rounds.swap(rounds_);
  }
  for (const Round& round : rounds) {
    if (!round.was_refused) (round.begun ? slow_tasks_ : waits_) -= 1;
    if (round.result && round.begun) proven_ = std::max(proven_, round.begun);
    for (const std::uint64_t id : round.connections) {
      const auto connection = connections_.find(id);
      if (connection == nullptr) continue;
      connection->conversation().reads_confirmed(round.result);
      queue(connection);
    }
  }
}

void Reactor::queue(const std::shared_ptr<Connection>& connection) {
  if (!std::exchange(connection->is_queued, true)) queued_.push_back(connection);
}

void Reactor::flush_later(Connection& connection) {
  must_flush_ = true;
  queue(connection.shared_from_this());
  run_batch_later();
}

// Behind the handlers that are ready now, so that their writes come along.
void Reactor::run_batch_later() {
  if (std::exchange(has_batch_posted_, true)) return;
  asio::post(io_, [this] { run_batch(); });
}

void Reactor::on_written(const WriteTag& tag, Result<WriteResult> result) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    own_written_.push_back({tag, std::move(result)});
    if (!is_in_batch_) run_batch_later();
    return;
  }
  const std::lock_guard lock(mutex_);
  written_.push_back({tag, std::move(result)});
  wake();
}

bool Reactor::start(std::uint64_t connection, std::unique_ptr<SlowTask>& task) {
  if (slow_tasks_ >= shared_.options.slow_reads_max) return false;
  slow_tasks_ += 1;
  asio::post(shared_.io_pool, [this, connection, work = std::move(task)]() mutable {
    work->run();
    finished(connection, std::move(work));
  });
  return true;
}

bool Reactor::start_long(std::uint64_t connection, std::unique_ptr<SlowTask>& task) {
  if (slow_tasks_ >= shared_.options.slow_reads_max) return false;
  slow_tasks_ += 1;
  asio::post(shared_.long_pool, [this, connection, work = std::move(task)]() mutable {
    work->run();
    finished(connection, std::move(work));
  });
  return true;
}

std::optional<MergeTicket> Reactor::start_merge(std::uint64_t connection,
                                                std::unique_ptr<MergeTask>& task,
                                                std::uint64_t rate_max) {
  if (task == nullptr) return shared_.merges.start(rate_max, nullptr);
  if (slow_tasks_ >= shared_.options.slow_reads_max) return std::nullopt;
  slow_tasks_ += 1;
  // A std::function can be copied, a task cannot.
  const auto held = std::make_shared<std::unique_ptr<MergeTask>>(std::move(task));
  return shared_.merges.start(rate_max,
                              [this, connection, held](const Result<MergeSummary>& outcome) {
                                (*held)->outcome = outcome;
                                finished(connection, std::move(*held));
                              });
}

void Reactor::finished(std::uint64_t connection, std::unique_ptr<SlowTask> task) {
  const std::lock_guard lock(mutex_);
  finished_.push_back({connection, std::move(task)});
  wake();
}

// With mutex_ held: once the reactor's thread has taken what was brought, the reactor may end.
void Reactor::wake() {
  if (!std::exchange(is_woken_, true)) asio::post(io_, [this] { run_batch(); });
}

void Reactor::adopt(asio::ip::tcp::socket socket, Dialect dialect) {
  asio::post(io_, [this, dialect, moved = std::move(socket)]() mutable {
    const std::uint64_t id = connections_.next_id();
    const auto connection = std::make_shared<Connection>(*this, id, std::move(moved), dialect);
    connections_.add(connection);
    counters_.connections_opened.add();
    if (is_stopping_) return connection->close();
    arm_tick();
    connection->go_on();
  });
}

void Reactor::remove(Connection& connection) {
  connections_.remove(connection.id());
  counters_.connections_closed.add();
  shared_.connection_count.fetch_sub(1, std::memory_order_relaxed);
  end_if_done();
}

void Reactor::arm_tick() {
  if (std::exchange(is_tick_armed_, true)) return;
  timer_.expires_after(shared_.options.tick);
  timer_.async_wait([this](const asio::error_code& cancelled) {
    is_tick_armed_ = false;
    if (!cancelled) tick();
  });
}

void Reactor::tick() {
  const bool is_over = is_stopping_ && now() >= drain_end_;
  connections_.for_each([is_over](Connection& connection) {
    if (is_over) {
      connection.close();
    } else {
      connection.tick();
    }
  });
  if (connections_.size() > 0) arm_tick();  // an idle server sleeps
}

void Reactor::stop(Stop how) {
  asio::post(io_, [this, how] { begin_stop(how); });
}

void Reactor::begin_stop(Stop how) {
  if (!std::exchange(is_stopping_, true)) drain_end_ = now() + shared_.options.drain_timeout;
  if (shared_.cluster != nullptr) shared_.cluster->end_waits();
  connections_.for_each([how](Connection& connection) {
    if (how == Stop::kNow) {
      connection.close();
    } else {
      connection.drain();
    }
  });
  end_if_done();
}

void Reactor::end_if_done() {
  const bool is_done = is_stopping_ && connections_.size() == 0 && slow_tasks_ == 0 &&
                       waits_ == 0 && context_.writes_under_way == 0;
  if (!is_done) return;
  timer_.cancel();
  work_guard_.reset();
}

}  // namespace kv::server
