#include "cli/detach.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/console.h"

namespace kv::cli {

namespace {

// From here on the server's terminal is nobody's.
void leave_terminal() {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  if (null > STDERR_FILENO) ::close(null);
}

}  // namespace

int run_detached(const std::function<int(const std::function<void()>& is_ready)>& serve) {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) {
    complain(std::string("cannot detach: ") + std::strerror(errno));
    return kExitServerError;
  }
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    complain(std::string("cannot detach: ") + std::strerror(errno));
    return kExitServerError;
  }
  if (child == 0) {
    ::close(ready[0]);
    ::setsid();
    const int code = serve([fd = ready[1]] {
      std::fflush(nullptr);
      leave_terminal();
      const char byte = 1;
      [[maybe_unused]] const ssize_t told = ::write(fd, &byte, 1);
      ::close(fd);
    });
    std::fflush(nullptr);
    ::_exit(code);
  }
  ::close(ready[1]);
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(ready[0], &byte, 1);
  } while (got < 0 && errno == EINTR);
  ::close(ready[0]);
  if (got == 1) return kExitOk;
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) {
    // It was told to stop while it was opening: fine for it, but there is no server now.
    return WEXITSTATUS(status) == kExitOk ? kExitServerError : WEXITSTATUS(status);
  }
  complain(fmt::format("the server was ended by signal {} before it was ready", WTERMSIG(status)));
  return kExitServerError;
}

}  // namespace kv::cli
