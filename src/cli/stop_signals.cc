#include "cli/stop_signals.h"

#include <csignal>
#include <pthread.h>
#include <unistd.h>

#include "cli/console.h"

namespace kv::cli {

namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> on_hangup) : on_hangup_(std::move(on_hangup)) {
  const sigset_t set = watched();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  watcher_ = std::thread([this] { watch(); });
}

StopSignals::~StopSignals() {
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kOver;
  }
  ::pthread_kill(watcher_.native_handle(), SIGHUP);  // wakes it up
  watcher_.join();
}

void StopSignals::server_is_ready() {
  const std::lock_guard lock(mutex_);
  phase_ = Phase::kServing;
}

bool StopSignals::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return phase_ == Phase::kStopping || is_to_reopen_; });
  if (phase_ == Phase::kStopping) return true;
  phase_ = Phase::kClosing;
  is_to_reopen_ = false;
  return false;
}

bool StopSignals::may_reopen() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kStopping) return false;
  phase_ = Phase::kReopening;
  return true;
}

void StopSignals::reopen() {
  const std::lock_guard lock(mutex_);
  is_to_reopen_ = true;
  changed_.notify_all();
}

void StopSignals::watch() {
  const sigset_t set = watched();
  for (int signal = 0;;) {
    if (sigwait(&set, &signal) == 0 && !take(signal)) return;
  }
}

bool StopSignals::take(int signal) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOver) return false;
    if (signal != SIGHUP) {
      const bool is_hurry = phase_ == Phase::kStopping && signal == SIGINT;
      const bool is_opening = phase_ == Phase::kOpening || phase_ == Phase::kReopening;
      if (phase_ == Phase::kOpening) complain("stopped before it was ready");
      if (phase_ == Phase::kReopening) {
        complain("stopped while it was opened again with another member's state");
      }
      if (is_opening || is_hurry) ::_exit(signal == SIGTERM ? kExitOk : kExitInterrupted);
      phase_ = Phase::kStopping;
      changed_.notify_all();
      return true;
    }
  }
  on_hangup_();
  return true;
}

}  // namespace kv::cli
