#include "kvsim/invariants.h"

#include <algorithm>

#include <fmt/format.h>

#include "kvsim/cluster.h"

namespace kv::kvsim {

namespace {

constexpr std::uint64_t kRecordMax = 64 * 1024;  // bytes; no client writes that much at once
constexpr std::uint64_t kMoreHandles = 8;

}  // namespace

void Invariants::look(const Machine& machine) {
  View& view = views_[machine.index()];
  check_election(machine, view);
  check_vote(machine, view);
  check_log(machine);
  check_progress(machine, view);
  check_leases();
  check_bounds(machine);
  check_answers(machine);
}

void Invariants::look_at_start(const Machine& machine) {
  View& view = views_[machine.index()];
  view.term = 0;
  view.commit = view.applied = 0;
  view.led = 0;
  // What it told of before it died it may not know to be committed yet.
  for (Answer& answer : answers_) {
    if (answer.machine == machine.index()) answer.is_of_former_life = true;
  }
  look(machine);
}

void Invariants::forget(const Machine& machine) { views_[machine.index()] = {}; }

void Invariants::check_election(const Machine& machine, View& view) {
  const raft::Core& core = machine.core();
  if (core.is_damaged() && core.role() != raft::Role::kFollower) {
    cluster_.report(
        fmt::format("Damaged: machine {} campaigns without what it had", machine.index() + 1));
  }
  if (core.role() != raft::Role::kLeader) return;
  const auto [leader, is_first] =
      leaders_.try_emplace(core.term(), machine.index(), machine.uuid());
  if (!is_first && leader->second != std::pair(machine.index(), machine.uuid())) {
    cluster_.report(fmt::format("ElectionSafety: machines {} and {} both lead in term {}",
                                leader->second.first + 1, machine.index() + 1, core.term()));
  }
  const raft::Point last = core.last();
  if (view.led == core.term() && last != view.led_last) {
    const bool is_known = view.led_last.seq > machine.store().log_floor().sequence;
    const bool is_there = last.seq >= view.led_last.seq &&
                          (!is_known || core.point_at(view.led_last.seq) == view.led_last);
    if (!is_there) {
      cluster_.report(fmt::format(
          "LeaderAppendOnly: machine {} leads in term {}, and its log went from {}.{} to {}.{}",
          machine.index() + 1, core.term(), view.led_last.term, view.led_last.seq, last.term,
          last.seq));
    }
  }
  view.led = core.term();
  view.led_last = last;
}

// As the file has it: nobody hears of a vote that is not there.
void Invariants::check_vote(const Machine& machine, View& view) {
  const raft::HardState& state = machine.hard_state();
  const bool is_other_vote =
      state.term == view.durable_term && view.vote != raft::kNoNode && state.voted_for != view.vote;
  if (state.term < view.durable_term || is_other_vote) {
    cluster_.report(
        fmt::format("OneVote: machine {} had term {} and a vote for {} on its disk, and "
                    "now term {} and one for {}",
                    machine.index() + 1, view.durable_term, static_cast<std::uint64_t>(view.vote),
                    state.term, static_cast<std::uint64_t>(state.voted_for)));
  }
  view.durable_term = state.term;
  view.vote = state.voted_for;
}

void Invariants::check_log(const Machine& machine) {
  const raft::Point last = machine.core().last();
  if (last.seq == 0) return;
  const auto [known, is_first] = chains_.try_emplace({last.term, last.seq}, last.chain);
  if (is_first || known->second == last.chain) return;
  cluster_.report(fmt::format("LogMatching: machine {} has another log up to {}.{} than was known",
                              machine.index() + 1, last.term, last.seq));
}

void Invariants::check_progress(const Machine& machine, View& view) {
  const raft::Core& core = machine.core();
  const auto check = [&](const char* what, std::uint64_t before, std::uint64_t now) {
    if (now >= before) return;
    cluster_.report(fmt::format("Monotone: {} of machine {} went from {} to {}", what,
                                machine.index() + 1, before, now));
  };
  check("term", view.term, core.term());
  check("commit", view.commit, core.commit());
  check("applied", view.applied, machine.applied());
  view.term = core.term();
  view.commit = core.commit();
  view.applied = machine.applied();
}

void Invariants::check_leases() {
  if (!cluster_.options().has_sound_clocks()) return;
  const Machine* holder = nullptr;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const Machine& machine = cluster_.machine(i);
    if (!machine.is_up() || !machine.holds_lease()) continue;
    if (holder != nullptr) {
      cluster_.report(fmt::format("OneLease: machine {} in term {} and machine {} in term {}",
                                  holder->index() + 1, holder->core().term(), i + 1,
                                  machine.core().term()));
    }
    holder = &machine;
  }
}

// One message may go beyond what is left, as may a record that is larger.
void Invariants::check_bounds(const Machine& machine) {
  const auto check = [&](const char* what, std::uint64_t has, std::uint64_t most) {
    if (has <= most) return;
    cluster_.report(fmt::format("Bounded: machine {} has {} {}, and {} are the most",
                                machine.index() + 1, has, what, most));
  };
  const raft::Settings& settings = machine.settings();
  const raft::Core& core = machine.core();
  const std::uint64_t message_max = std::max(settings.append_bytes_max, kRecordMax);
  for (const auto& [peer, progress] : core.peers()) {
    if (core.role() != raft::Role::kLeader) break;
    check("messages on the way to one peer", progress.inflight_messages(),
          settings.inflight_messages_max);
    check("bytes on the way to one peer", progress.inflight_bytes(),
          settings.inflight_bytes_max + message_max);
  }
  check("reads that wait", core.waiting_reads(), settings.reads_max);
  // A segment is opened once; who sends or takes a state, or looks for losses, once more.
  check("open files", machine.fs().open_files(), machine.fs().files() + kMoreHandles);
}

// Who told it has applied it, and the Oracle has looked at that. A process that died in the same
// moment was not looked at any more: then somebody else tells of it.
void Invariants::check_answers(const Machine& machine) {
  std::erase_if(answers_, [&](const Answer& answer) {
    const bool is_known = answer.version <= cluster_.oracle().committed();
    const bool is_its_own = answer.machine == machine.index() && !answer.is_of_former_life;
    if (!is_known && is_its_own) {
      cluster_.report(fmt::format(
          "Answers: machine {} told of version {} of {}, and {} is committed", machine.index() + 1,
          answer.version, answer.key, cluster_.oracle().committed()));
    }
    if (is_known) check_answer(answer);
    return is_known;
  });
}

void Invariants::check_answer(const Answer& answer) {
  if (cluster_.oracle().has_written(answer.version, answer.key, answer.value)) return;
  cluster_.report(
      fmt::format("Answers: machine {} told of {} with version {} and the value {:.20}, "
                  "and that record did not write it",
                  answer.machine + 1, answer.key, answer.version, answer.value.value_or("(none)")));
}

void Invariants::check_end() {
  for (const Answer& answer : answers_) {
    if (answer.version <= cluster_.oracle().committed()) {
      check_answer(answer);
    } else {
      cluster_.report(fmt::format("Answers: version {} of {} was told of, and is not in the log",
                                  answer.version, answer.key));
    }
  }
  check_local_answers();
}

// A leader that loses what it acknowledged is one that nobody else hears; and for how long it then
// goes on acknowledging alone is bounded by its clocks, which may be slower than ours.
void Invariants::check_local_answers() {
  struct Span {
    sim::Time first = 0;
    sim::Time last = 0;
  };
  std::map<raft::Term, Span> lost;
  for (const LocalAnswer& answer : local_answers_) {
    const raft::Term there = cluster_.oracle().term_of(answer.version);
    if (there == answer.term) continue;
    lost_local_answers_ += 1;
    if (there != 0 && there < answer.term) {
      cluster_.report(fmt::format("LocalAnswers: version {} of term {} is lost to a record of {}",
                                  answer.version, answer.term, there));
    }
    const auto [span, is_first] = lost.try_emplace(answer.term, Span{answer.time, answer.time});
    span->second.last = std::max(span->second.last, answer.time);
  }
  if (!cluster_.options().has_sound_clocks()) return;
  for (const auto& [term, span] : lost) {
    const std::uint64_t window_us =
        cluster_.lease_us() * 1000 / (1000 - cluster_.options().clock_spread_permille);
    if (span.last - span.first <= window_us) continue;
    cluster_.report(fmt::format("LocalAnswers: of term {} is lost what was told within {} us", term,
                                span.last - span.first));
  }
}

}  // namespace kv::kvsim
