#include "cli/stop_signals.h"

#include <atomic>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "cli/exit_code.h"

using kv::cli::StopSignals;

namespace {

constexpr int kCleanUp = 50;  // what a process here ends with when it came to its own end

// The exit code of a process that takes these signals, the first of them before or after it is
// ready, and that never ends its drain if it gets more than one.
int code_after(bool is_ready, const std::vector<int>& signals) {
  const pid_t child = ::fork();
  if (child == 0) {
    StopSignals stop([] {});
    if (is_ready) stop.server_is_ready();
    ::kill(::getpid(), signals[0]);
    if (!is_ready) ::pause();
    stop.wait();
    for (std::size_t i = 1; i < signals.size(); ++i) {
      ::kill(::getpid(), signals[i]);
      ::pause();
    }
    ::_exit(kCleanUp);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a signal while the data are being opened ends the process: SIGTERM with 0") {
  CHECK(code_after(false, {SIGTERM}) == kv::cli::kExitOk);
  CHECK(code_after(false, {SIGINT}) == kv::cli::kExitInterrupted);
}

TEST_CASE("a signal to a server that is ready asks for a drain; a second SIGINT ends that, too") {
  CHECK(code_after(true, {SIGTERM}) == kCleanUp);
  CHECK(code_after(true, {SIGINT}) == kCleanUp);
  CHECK(code_after(true, {SIGTERM, SIGINT}) == kv::cli::kExitInterrupted);
}

TEST_CASE("a server that has to be opened again hears of it once, and of a signal all the same") {
  const pid_t child = ::fork();
  if (child == 0) {
    StopSignals stop([] {});
    stop.server_is_ready();
    stop.reopen();
    if (stop.wait()) ::_exit(1);
    if (!stop.may_reopen()) ::_exit(3);
    stop.server_is_ready();
    ::kill(::getpid(), SIGTERM);
    ::_exit(stop.wait() ? kCleanUp : 2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) ? WEXITSTATUS(status) : -1) == kCleanUp);
}

TEST_CASE("a signal to a server that is to be opened again lets it end its drain first") {
  int code = 0;
  bool is_closed_first = false;
  SUBCASE("before it is closed: it is not opened any more") { code = kCleanUp; }
  SUBCASE("while it is opened") {
    code = kv::cli::kExitOk;
    is_closed_first = true;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    std::atomic<bool> is_seen = false;
    StopSignals stop([&] { is_seen = true; });
    stop.server_is_ready();
    stop.reopen();
    if (stop.wait()) ::_exit(1);
    if (is_closed_first && !stop.may_reopen()) ::_exit(2);
    ::kill(::getpid(), SIGTERM);
    // Pending ones are taken in no order that counts; what comes behind this one is behind it.
    for (sigset_t pending; ::sigpending(&pending), ::sigismember(&pending, SIGTERM);) {
    }
    ::kill(::getpid(), SIGHUP);
    while (!is_seen) {
    }
    if (stop.may_reopen()) ::_exit(3);
    ::_exit(stop.wait() ? kCleanUp : 4);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) ? WEXITSTATUS(status) : -1) == code);
}

TEST_CASE("SIGHUP calls back and ends nothing") {
  const pid_t child = ::fork();
  if (child == 0) {
    // The second one comes when the first has been answered, so that it is not merged with it.
    StopSignals stop([] {
      static int count = 0;
      if (++count == 2) ::_exit(kCleanUp);
      ::kill(::getpid(), SIGHUP);
    });
    ::kill(::getpid(), SIGHUP);
    ::pause();
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kCleanUp);
}
