#include "torture/explorer.h"

#include <charconv>

#include <fmt/format.h>

namespace kv::torture {

namespace {

using io::CrashMode;

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::optional<Aftermath> take_aftermath(std::string_view& text) {
  if (take(text, "synced")) return Aftermath{CrashMode::kLoseUnsynced, 0};
  if (take(text, "cache")) return Aftermath{CrashMode::kKeepCache, 0};
  if (take(text, "all")) return Aftermath{CrashMode::kKeepAll, 0};
  if (!take(text, "random:")) return std::nullopt;
  const auto variant = take_number(text);
  if (!variant) return std::nullopt;
  return Aftermath{CrashMode::kRandom, *variant};
}

// What a start finds after the machine was brought back, and what comes after that.
void check_life(Life& life) {
  if (!life.open()) return;
  life.check_start();
  if (life.check_convergence()) life.check_afterlife();
}

// Where a script was cut off, to be gone back to.
struct Moment {
  io::SimDisk disk;
  LogModel model;
};

Moment moment_of(Life& life) {
  if (life.machine().is_on()) life.machine().lose_power();
  life.shut();
  return {life.machine().disk(), life.model()};
}

void go_back(Life& life, const Moment& moment, const Aftermath& aftermath) {
  life.shut();
  life.machine().restore(moment.disk);
  life.model() = moment.model;
  life.restart(aftermath);
}

}  // namespace

std::string describe(const Cut& cut) {
  std::string text = fmt::format("{}:{}", cut.operation, describe(cut.aftermath));
  if (cut.again) text += fmt::format("/{}:{}", *cut.again, describe(cut.after_again));
  return text;
}

std::optional<Cut> parse_cut(std::string_view text) {
  Cut cut;
  const auto operation = take_number(text);
  if (!operation || !take(text, ":")) return std::nullopt;
  cut.operation = *operation;
  const auto aftermath = take_aftermath(text);
  if (!aftermath) return std::nullopt;
  cut.aftermath = *aftermath;
  if (text.empty()) return cut;
  if (!take(text, "/")) return std::nullopt;
  cut.again = take_number(text);
  if (!cut.again || !take(text, ":")) return std::nullopt;
  const auto after_again = take_aftermath(text);
  if (!after_again || !text.empty()) return std::nullopt;
  cut.after_again = *after_again;
  return cut;
}

Explorer::Explorer(const Script& script, const Settings& settings)
    : script_(script), settings_(settings) {}

std::uint64_t Explorer::operations() {
  Life life(script_.settings, script_.disk);

  script_.run(life);
  return life.machine().changes();
}

std::vector<Aftermath> Explorer::aftermaths(std::uint64_t operation) const {
  std::vector<Aftermath> all = {
      {CrashMode::kLoseUnsynced, 0}, {CrashMode::kKeepAll, 0}, {CrashMode::kKeepCache, 0}};
  for (std::uint64_t i = 0; i < settings_.random_variants; ++i) {
    all.push_back({CrashMode::kRandom, operation * settings_.random_variants + i});
  }
  return all;
}

bool Explorer::live_until(Life& life, std::uint64_t operation) {
  // A script may restart the machine on its way; the count goes on.
  life.machine().set_hook([left = operation](const io::SimCall& call) mutable {
    return io::is_change(call.operation) && left-- == 0;
  });
  script_.run(life);
  life.machine().set_hook({});
  return !life.machine().is_on();
}

std::optional<Finding> Explorer::finding_of(const Life& life, const Cut& cut) {
  ++starts_;
  if (settings_.starts != nullptr) ++*settings_.starts;
  if (!life.problem()) return std::nullopt;
  Finding finding;
  finding.problem = *life.problem();
  finding.where = fmt::format("script {}, cut off at {}", script_.name, describe(cut));
  finding.operation = cut.operation;
  finding.replay = fmt::format("--script {} --cut {}", script_.name, describe(cut));
  finding.trail = life.trail();
  return finding;
}

std::optional<Finding> Explorer::cut_everywhere() {
  bool is_whole = false;
  for (std::uint64_t operation = 0; !is_whole && !is_stopped(); ++operation) {
    if (!is_mine(operation)) continue;
    Life life(script_.settings, script_.disk);
    is_whole = !live_until(life, operation);
    const Moment moment = moment_of(life);
    for (const Aftermath& aftermath : aftermaths(operation)) {
      if (!life.problem()) {
        go_back(life, moment, aftermath);
        check_life(life);
      }
      if (auto found = finding_of(life, {operation, aftermath, {}, {}})) return found;
    }
  }
  return std::nullopt;
}

std::optional<Finding> Explorer::cut_starts_everywhere() {
  const std::uint64_t count = operations();
  for (std::uint64_t at = 0; at <= count && !is_stopped(); at += settings_.stride) {
    if (!is_mine(at / settings_.stride)) continue;
    for (const Aftermath& aftermath : aftermaths(at)) {
      if (auto found = cut_starts(at, aftermath)) return found;
    }
  }
  return std::nullopt;
}

std::optional<Finding> Explorer::cut_starts(std::uint64_t operation, const Aftermath& aftermath) {
  Life life(script_.settings, script_.disk);
  live_until(life, operation);
  const Moment moment = moment_of(life);
  bool has_started = false;
  for (std::uint64_t again = 0; !has_started && !is_stopped(); ++again) {
    if (life.problem()) return finding_of(life, {operation, aftermath, {}, {}});
    go_back(life, moment, aftermath);
    life.machine().lose_power_after(again);
    has_started = life.open();
    const Moment second = moment_of(life);
    const std::vector<Aftermath> after_all = aftermaths(operation + again);
    for (const Aftermath& after : after_all) {
      if (!life.problem()) {
        go_back(life, second, after);
        check_life(life);
      }
      if (auto found = finding_of(life, {operation, aftermath, again, after})) return found;
    }
  }
  return std::nullopt;
}

std::optional<Finding> Explorer::try_cut(const Cut& cut) {
  Life life(script_.settings, script_.disk);
  live_until(life, cut.operation);
  if (!life.problem()) {
    life.restart(cut.aftermath);
    if (cut.again) {
      life.machine().lose_power_after(*cut.again);
      life.open();
      if (!life.problem()) life.restart(cut.after_again);
    }
  }
  if (!life.problem()) check_life(life);
  return finding_of(life, cut);
}

}  // namespace kv::torture
