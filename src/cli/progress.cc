#include "cli/progress.h"

#include <algorithm>

#include "cli/console.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 20;

}  // namespace

std::string progress_line(std::uint64_t records, std::uint64_t bytes, double seconds,
                          std::optional<double> share) {
  const double rate = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  std::string line = fmt::format("{} records  {}/s", human_count(records), human_bytes(rate));
  if (!share) return line;
  const double done = std::clamp(*share, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(done * kBarWidth);
  const std::string eta =
      done > 0 ? fmt::format("  eta {:.0f} s", seconds * (1 - done) / done) : "";
  return fmt::format("[{}{}] {:3.0f} %  {}{}", std::string(filled, '#'),
                     std::string(kBarWidth - filled, '-'), done * 100, line, eta);
}

Progress::Progress(bool is_quiet) : is_shown_(!is_quiet && stderr_is_terminal()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (is_drawn_) std::fputs("\r\x1b[K", stderr);
  is_drawn_ = false;
}

void Progress::show(std::uint64_t records, std::uint64_t bytes, std::optional<double> share) {
  const auto now = Clock::now();
  if (!is_shown_ || now - last_ < kBetween) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fputs(("\r" + progress_line(records, bytes, seconds, share) + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
  is_drawn_ = true;
}

}  // namespace kv::cli
