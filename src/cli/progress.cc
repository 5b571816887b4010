#include "cli/progress.h"

#include <algorithm>

#include "cli/console.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr std::size_t kBarWidth = 20;

// The bar, `line`, and the time left, as the time taken lets expect.
std::string bar_around(const std::string& line, double seconds, double share) {
  const double done = std::clamp(share, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(done * kBarWidth);
  const std::string eta =
      done > 0 ? fmt::format("  eta {:.0f} s", seconds * (1 - done) / done) : "";
  return fmt::format("[{}{}] {:3.0f} %  {}{}", std::string(filled, '#'),
                     std::string(kBarWidth - filled, '-'), done * 100, line, eta);
}

}  // namespace

std::string progress_line(std::uint64_t records, std::uint64_t bytes, double seconds,
                          std::optional<double> share) {
  const double rate = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  const std::string line = fmt::format("{} records  {}/s", human_count(records), human_bytes(rate));
  return share ? bar_around(line, seconds, *share) : line;
}

std::string merge_line(std::uint64_t done, std::uint64_t total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  return "merging  " + bar_around(human_bytes(rate) + "/s", seconds, share);
}

Progress::Progress(bool is_quiet) : is_shown_(!is_quiet && stderr_is_terminal()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (is_drawn_) std::fputs("\r\x1b[K", stderr);
  is_drawn_ = false;
}

bool Progress::is_due() {
  const auto now = Clock::now();
  if (!is_shown_ || now - last_ < kBetween) return false;
  last_ = now;
  return true;
}

double Progress::seconds() const { return std::chrono::duration<double>(last_ - start_).count(); }

void Progress::draw(const std::string& line) {
  std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
  is_drawn_ = true;
}

void Progress::show(std::uint64_t records, std::uint64_t bytes, std::optional<double> share) {
  if (is_due()) draw(progress_line(records, bytes, seconds(), share));
}

void Progress::show_merge(std::uint64_t bytes_done, std::uint64_t bytes_total) {
  if (is_due()) draw(merge_line(bytes_done, bytes_total, seconds()));
}

}  // namespace kv::cli
