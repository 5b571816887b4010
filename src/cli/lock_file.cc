#include "cli/lock_file.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

namespace kv::cli {

namespace {

constexpr int kPollMs = 20;

std::string take(const std::string& text, const std::string& name) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

std::string holder_text(const Holder& holder) {
  return fmt::format("pid={} address={} since={}\n", holder.pid, holder.address, holder.since);
}

std::optional<Holder> find_holder(const std::string& data_dir) {
  const int fd = ::open((data_dir + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  // Shared, and only to see whether somebody else has it; closing lets it go at once.
  const bool is_free = ::flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  char bytes[512];
  const ssize_t got = ::pread(fd, bytes, sizeof bytes, 0);
  ::close(fd);
  if (is_free) return std::nullopt;
  const std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  Holder holder;
  holder.pid = static_cast<pid_t>(std::atol(take(text, "pid").c_str()));
  holder.address = take(text, "address");
  holder.since = take(text, "since");
  holder.text = text.substr(0, text.find('\n'));
  return holder;
}

std::string in_use_text(const std::string& data_dir, const Holder& holder) {
  if (!holder.is_server()) {
    return fmt::format("{} is in use by another process{}{}", data_dir,
                       holder.text.empty() ? "" : ": ", holder.text);
  }
  return fmt::format("{} is in use by kv pid {} on {} since {}", data_dir, holder.pid,
                     holder.address, holder.since);
}

bool wait_until_free(const std::string& data_dir, double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (find_holder(data_dir)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, kPollMs);
  }
  return true;
}

}  // namespace kv::cli
