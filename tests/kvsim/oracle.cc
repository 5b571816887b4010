#include "kvsim/oracle.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/damage.h"
#include "engine/log_reader.h"
#include "kvsim/cluster.h"

namespace kv::kvsim {

namespace {

constexpr sim::Time kContentEvery = sim::kSecond;

void take_changes(const engine::LoggedRecord& logged,
                  std::vector<std::pair<std::string, std::string>>& puts,
                  std::vector<std::string>& deletes) {
  const auto take = [&](format::RecordType type, std::string_view key, std::string_view value) {
    if (type == format::RecordType::kDelete) {
      deletes.emplace_back(key);
    } else {
      puts.emplace_back(key, value);
    }
  };
  const format::RecordHeader& header = logged.header;
  if (header.type == format::RecordType::kBatch) {
    engine::visit_batch(
        logged.body, 0, header.sequence,
        [&](const engine::ScannedRecord& member) {
          take(member.type, member.key, {member.key.data() + member.key.size(), member.value_size});
        },
        nullptr);
  } else if (!format::is_system(header.type)) {
    take(header.type, logged.body.substr(0, header.key_size), logged.body.substr(header.key_size));
  }
}

}  // namespace

void Oracle::look_at_start(const Machine& machine) {
  View& view = views_[machine.index()];
  view.compared = 0;
  view.led_term = 0;
  view.content_due = std::max(committed(), machine.store().pipeline().last_sequence());
  look(machine);
  const std::uint64_t committed = machine.store().pipeline().committed_sequence();
  if (committed < view.durable_commit && !machine.is_damaged()) {
    cluster_.report(fmt::format("machine {} starts with {} committed, and had {} on its disk",
                                machine.index() + 1, committed, view.durable_commit));
  }
}

// A merge drops what a newer record made dead that was applied then. After a restart that one is
// known to be committed only when a leader says so; until then the index lacks what was dropped,
// and nobody reads it, as reads wait for all that was committed (rule R7).
void Oracle::check_content(const Machine& machine, View& view) {
  const sim::Time now = cluster_.events().now();
  const bool is_first = view.content_due.has_value();
  const bool is_due = is_first ? machine.applied() >= *view.content_due : now >= view.next_content;
  if (!is_due || machine.has_losses()) return;
  view.content_due = std::nullopt;
  view.next_content = now + kContentEvery;
  extend(view, machine.applied());
  if (machine.content() == view.content) return;
  cluster_.report(fmt::format("machine {} {} another content than its log up to {}",
                              machine.index() + 1, is_first ? "came up with" : "has",
                              machine.applied()));
}

void Oracle::look(const Machine& machine) {
  View& view = views_[machine.index()];
  const std::uint64_t known = records_.size();
  if (machine.applied() > view.compared) compare(machine, view);
  if (records_.size() > known) check_durable(records_.size());
  check_leader(machine, view);
  check_commit(machine, view);
  check_content(machine, view);
}

void Oracle::compare(const Machine& machine, View& view) {
  engine::LogReader reader(machine.store().segments());
  const std::uint64_t known_end = records_.size();
  const auto visit = [&](const engine::LoggedRecord& logged) {
    const std::uint64_t sequence = logged.header.sequence;
    if (sequence <= records_.size()) {
      const Record& known = records_[sequence - 1];
      if (known.term == logged.header.term && known.chain == logged.chain) return;
      return cluster_.report(fmt::format(
          "machine {} has another record committed at {} than machine {}: of term {}, "
          "there of {}",
          machine.index() + 1, sequence, known.told_by + 1, logged.header.term, known.term));
    }
    Record record{logged.header.term, logged.chain, machine.term(), machine.index(), {}, {}};
    take_changes(logged, record.puts, record.deletes);
    records_.push_back(std::move(record));
  };
  // What lies below the floor may have been merged, and is compared as what it made of the content;
  // not so what was committed and given up since the last look.
  const format::LogFloor floor = machine.store().log_floor();
  if (view.compared < floor.sequence) {
    view.compared = std::max(view.compared, std::min(floor.sequence, known_end));
    if (view.compared == floor.sequence && records_[floor.sequence - 1].chain != floor.chain) {
      return cluster_.report(fmt::format("machine {} gave up its log up to {}, which was another",
                                         machine.index() + 1, floor.sequence));
    }
  }
  while (view.compared < machine.applied()) {
    const auto read = reader.read(view.compared + 1, machine.applied(), UINT64_MAX, visit);
    if (!read) {
      return cluster_.report(fmt::format("machine {} cannot read record {}, which is committed: {}",
                                         machine.index() + 1, view.compared + 1,
                                         describe(read.error())));
    }
    view.compared = *read;
  }
}

// Who was behind when it told of a commit first may have heard of it in a later term, so that this
// looks at less than it could, and never at too much.
void Oracle::check_leader(const Machine& machine, View& view) {
  if (!machine.leads() || machine.term() == view.led_term) return;
  view.led_term = machine.term();
  std::uint64_t last = records_.size();
  while (last > 0 && records_[last - 1].committed_term >= view.led_term) --last;
  // Below the floor there are no records to be compared; the floor itself was.
  if (last <= machine.store().log_floor().sequence) return;
  if (machine.chain_at(last) == records_[last - 1].chain) return;
  cluster_.report(fmt::format("machine {} leads in term {} without record {}, which was committed",
                              machine.index() + 1, view.led_term, last));
}

bool Oracle::has_majority(const format::Membership& membership, std::uint64_t sequence) const {
  std::size_t voters = 0;
  std::size_t count = 0;
  for (const format::Member& member : membership.members) {
    if (member.role != format::MemberRole::kVoter) continue;
    voters += 1;
    const Machine& voter = cluster_.machine(member.node_id - 1);
    const auto chain = voter.durable_chain_at(member.node_uuid, sequence);
    if (chain == records_[sequence - 1].chain) count += 1;
  }
  return count > voters / 2;
}

// Whoever led counted the members of its own newest CONFIG record, and `machine` may hear of the
// commit before it has that record, or after the next one.
void Oracle::check_durable(std::uint64_t sequence) {
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const Machine& machine = cluster_.machine(i);
    if (!machine.is_up()) continue;
    const auto& known = machine.memberships().all();
    const bool is_durable = std::ranges::any_of(
        known, [&](const auto& one) { return has_majority(one.membership, sequence); });
    if (is_durable) return;
  }
  cluster_.report(
      fmt::format("record {} is committed, and no majority has it on their disks", sequence));
}

void Oracle::forget(const Machine& machine) { views_[machine.index()] = {}; }

void Oracle::check_commit(const Machine& machine, View& view) {
  const std::uint64_t hint = machine.commit_hint();
  if (hint < view.durable_commit) {
    cluster_.report(fmt::format("machine {} wrote that {} is committed, and now that {} is",
                                machine.index() + 1, view.durable_commit, hint));
  }
  view.durable_commit = hint;
}

void Oracle::apply(const Record& record, std::map<std::string, std::string>& content) const {
  for (const auto& [key, value] : record.puts) content[key] = value;
  for (const std::string& key : record.deletes) content.erase(key);
}

std::map<std::string, std::string> Oracle::content_at(std::uint64_t sequence) const {
  std::map<std::string, std::string> content;
  for (std::uint64_t i = 0; i < sequence && i < records_.size(); ++i) apply(records_[i], content);
  return content;
}

// From where it was, or anew.
void Oracle::extend(View& view, std::uint64_t sequence) const {
  if (sequence < view.content_sequence) {
    view.content.clear();
    view.content_sequence = 0;
  }
  while (view.content_sequence < sequence && view.content_sequence < records_.size()) {
    apply(records_[view.content_sequence++], view.content);
  }
}

bool Oracle::has_written(std::uint64_t sequence, const std::string& key,
                         const std::optional<std::string>& value) const {
  const Record& record = records_.at(sequence - 1);
  if (!value) return std::ranges::find(record.deletes, key) != record.deletes.end();
  return std::ranges::find(record.puts, std::pair(key, *value)) != record.puts.end();
}

std::uint64_t Oracle::term_of(std::uint64_t sequence) const {
  return sequence <= records_.size() ? records_.at(sequence - 1).term : 0;
}

}  // namespace kv::kvsim
