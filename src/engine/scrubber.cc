#include "engine/scrubber.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "engine/told_pace.h"
#include "format/identity.h"

namespace kv::engine {

namespace {

constexpr std::chrono::seconds kTick{1};

// Goes on as long as both say so.
class EitherPace final : public ReadPace {
 public:
  EitherPace(ReadPace& pace, const std::function<bool()>& is_stopped)
      : pace_(pace), is_stopped_(is_stopped) {}
  bool go_on(std::uint64_t bytes) override { return !is_stopped_() && pace_.go_on(bytes); }

 private:
  ReadPace& pace_;
  const std::function<bool()>& is_stopped_;
};

std::string details_of(const Finding& finding) {
  return fmt::format(
      "what=\"{}\" file={} offset={} size={} first_version={} last_version={} keys={} "
      "unknown_keys={} details=\"{}\"",
      finding.what, finding.file, finding.offset, finding.size, finding.first_version,
      finding.last_version, finding.keys.size(), finding.has_unknown_keys ? "some" : "none",
      finding.details);
}

}  // namespace

Scrubber::Scrubber(const Settings& settings, DataDirectory& dir, SegmentTable& table,
                   EventListener* listener)
    : settings_(settings), dir_(dir), table_(table), listener_(listener), pace_(settings.rate) {
  look_around();
}

std::vector<std::shared_ptr<Segment>> Scrubber::look_around() {
  auto segments = *table_.all();
  std::erase_if(segments, [](const auto& one) { return !one->is_sealed; });
  const auto now = settings_.now();
  std::set<format::SegmentId> ids;
  const std::lock_guard lock(mutex_);
  for (const auto& segment : segments) {
    ids.insert(segment->id());
    seen_.try_emplace(segment->id(), Seen{now});
  }
  std::erase_if(seen_, [&](const auto& entry) { return !ids.contains(entry.first); });
  return segments;
}

// The round is over when every segment was checked in it.
std::optional<Scrubber::Turn> Scrubber::choose() {
  const auto segments = look_around();
  const auto now = settings_.now();
  const std::lock_guard lock(mutex_);
  if (segments.empty()) return std::nullopt;
  const bool is_over = std::ranges::all_of(
      segments, [&](const auto& one) { return seen_.at(one->id()).round == round_; });
  if (is_over) round_ += 1;
  std::shared_ptr<Segment> oldest;
  for (const auto& segment : segments) {
    const Seen& seen = seen_.at(segment->id());
    if (seen.round == round_ || (seen.was_checked && now - seen.since < kRest)) continue;
    if (!oldest || seen.since < seen_.at(oldest->id()).since) oldest = segment;
  }
  if (!oldest) return std::nullopt;
  return Turn{oldest->id(), oldest->slot()};
}

Result<bool> Scrubber::step(ReadPace& pace) {
  const auto segment = choose();
  if (!segment) return false;
  auto checked = check(*segment, pace);
  if (!checked) return tl::unexpected(std::move(checked).error());
  if (*checked) take(**checked, segment->id);
  return true;
}

bool Scrubber::is_gone(const Turn& turn) const {
  const auto segment = table_.find(turn.slot);
  return !segment || segment->id() != turn.id;
}

Result<std::optional<SegmentCheck>> Scrubber::check(const Turn& turn, ReadPace& pace) {
  const auto state = dir_.manifest().state();
  const auto info = state.segments.find(turn.id);
  if (info == state.segments.end() || !info->second.is_sealed) return std::nullopt;
  const std::function<bool()> is_over = [&] { return is_stopped() || is_gone(turn); };
  EitherPace either(pace, is_over);
  const SegmentChecker checker{dir_.fs(), dir_.path(), format::database_id_hash(dir_.identity()),
                               either};
  auto checked = checker.check_sealed(info->second);
  // Whatever was found then, it was for want of the file.
  if (!is_stopped() && is_gone(turn)) return std::nullopt;
  if (!checked) return tl::unexpected(std::move(checked).error());
  return std::move(*checked);
}

void Scrubber::take(const SegmentCheck& checked, format::SegmentId id) {
  const auto segments = table_.all();
  const auto segment =
      std::ranges::find_if(*segments, [id](const auto& one) { return one->id() == id; });
  bool is_news = false;
  bool is_sound_again = false;
  {
    const std::lock_guard lock(mutex_);
    bytes_ += checked.bytes;
    const auto found = seen_.find(id);
    if (found == seen_.end() || segment == segments->end()) return;
    const bool was_marked = found->second.is_marked;
    is_news = judge(checked, **segment, found->second);
    is_sound_again = was_marked && !found->second.is_marked;
    if (is_news) findings_ += checked.findings.size();
  }
  if (is_sound_again) tell_sound_again(**segment);
  if (!is_news) return;
  for (const Finding& finding : checked.findings) {
    tell(finding.loses_data ? Event::Level::kError : Event::Level::kWarning, "scrub found damage",
         details_of(finding));
  }
}

bool Scrubber::judge(const SegmentCheck& checked, Segment& segment, Seen& seen) {
  // That may pass: it comes again before the round is over.
  const bool is_first_refusal = checked.is_unreadable && !seen.was_unreadable;
  seen.was_unreadable = checked.is_unreadable;
  seen.since = settings_.now();
  seen.was_checked = true;
  seen.round = is_first_refusal ? 0 : round_;
  const bool is_damaged = std::ranges::any_of(checked.findings, &Finding::loses_data);
  if (is_damaged && !is_first_refusal) {
    seen.is_marked = !segment.is_damaged.exchange(true) || seen.is_marked;
  } else if (!is_damaged && std::exchange(seen.is_marked, false)) {
    segment.is_damaged = false;
  }
  const bool is_news = !checked.findings.empty() && !seen.was_told;
  seen.was_told = !checked.findings.empty();
  return is_news;
}

void Scrubber::tell(Event::Level level, std::string_view name, std::string details) const {
  if (listener_ != nullptr) listener_->on_event({level, name, std::move(details)});
}

// What a recovery found stays marked: the index lacks what was damaged then, and a merge would drop
// it.
Result<bool> Scrubber::recheck(format::SegmentId id) {
  const auto segments = look_around();
  const auto found =
      std::ranges::find_if(segments, [id](const auto& one) { return one->id() == id; });
  if (found == segments.end()) return false;
  Segment& segment = **found;
  RatePace unbounded(0);
  auto checked = check({id, segment.slot()}, unbounded);
  if (!checked) return tl::unexpected(std::move(checked).error());
  if (!*checked) return false;
  take(**checked, id);
  if (std::ranges::any_of((*checked)->findings, &Finding::loses_data)) return false;
  const auto state = dir_.manifest().state();
  const bool is_quarantined = std::ranges::any_of(
      state.quarantines, [id](const format::Quarantine& range) { return range.id == id; });
  if (is_quarantined || segment.is_incomplete) return false;
  if (segment.is_damaged.exchange(false)) tell_sound_again(segment);
  return true;
}

void Scrubber::tell_sound_again(const Segment& segment) const {
  tell(Event::Level::kInfo, "segment sound again",
       fmt::format("segment={} action=\"merges take it again\"", segment.path()));
}

Result<VerifyReport> Scrubber::verify(const VerifyOptions& options) {
  std::vector<Turn> turns;
  std::uint64_t total = 0;
  for (const auto& segment : look_around()) {
    turns.push_back({segment->id(), segment->slot()});
    total += segment->size;
  }
  ToldPace pace(options, total);
  VerifyReport report;
  for (const Turn& turn : turns) {
    auto checked = check(turn, pace);
    if (!checked) return tl::unexpected(std::move(checked).error());
    if (!*checked) continue;
    take(**checked, turn.id);
    report.segments += 1;
    report.hints += (*checked)->has_hint ? 1 : 0;
    report.records += (*checked)->records;
    report.bytes += (*checked)->bytes;
    for (const Finding& finding : (*checked)->findings) report.findings.push_back(finding);
  }
  return report;
}

void Scrubber::run() {
  for (;;) {
    const auto went_on = step(pace_);
    if (went_on && *went_on) continue;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kTick, [this] { return is_stopped_; });
    if (is_stopped_) return;
  }
}

void Scrubber::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    changed_.notify_all();
  }
  pace_.stop();
}

bool Scrubber::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

ScrubStats Scrubber::stats() const {
  const auto now = settings_.now();
  const std::lock_guard lock(mutex_);
  ScrubStats stats;
  stats.rate = settings_.rate;
  stats.bytes = bytes_;
  stats.findings = findings_;
  const bool is_over = !seen_.empty() && std::ranges::all_of(seen_, [&](const auto& entry) {
    return entry.second.round == round_;
  });
  stats.rounds = round_ - (is_over ? 0 : 1);
  for (const auto& [id, seen] : seen_) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - seen.since).count();
    stats.oldest_unverified_age_s = std::max(
        stats.oldest_unverified_age_s, static_cast<std::uint64_t>(std::max<std::int64_t>(0, age)));
  }
  return stats;
}

}  // namespace kv::engine
