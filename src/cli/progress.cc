#include "cli/progress.h"

#include <algorithm>
#include <string>

#include "cli/console.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 20;

}  // namespace

Progress::Progress(std::uint64_t total_bytes, bool is_quiet)
    : total_bytes_(total_bytes), is_shown_(!is_quiet && stderr_is_terminal()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::uint64_t records, std::uint64_t bytes) {
  const auto now = Clock::now();
  if (!is_shown_ || now - last_ < kBetween) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(bytes) / seconds;
  std::string line = fmt::format("{} records  {}/s", human_count(records), human_bytes(rate));
  if (total_bytes_ > 0 && rate > 0) {
    const double share =
        std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    line = fmt::format("[{}{}] {:3.0f} %  {}  eta {:.0f} s", std::string(filled, '#'),
                       std::string(kBarWidth - filled, '-'), share * 100, line,
                       (static_cast<double>(total_bytes_) - static_cast<double>(bytes)) / rate);
  }
  std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace kv::cli
