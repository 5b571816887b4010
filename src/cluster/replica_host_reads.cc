// How a member makes sure, for its server, of what reads may see.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cluster/replica_host.h"

namespace kv::cluster {

void ReplicaHost::confirm_read(ReadDone done) {
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(done));
  }
  news();
}

// All that came since wait for the same round.
void ReplicaHost::begin_reads() {
  std::vector<ReadDone> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
  }
  take_awaited();
  if (asked.empty()) return;
  if (is_stopping_ || replica_->is_over()) {
    const Error error = replica_->replacement() ? replica_->not_leading() : stopping();
    for (const ReadDone& done : asked) done(tl::unexpected(error));
    return;
  }
  const raft::ReadId id = next_read_++;
  reads_[id].since = std::chrono::steady_clock::now();
  reads_[id].done = [asked = std::move(asked)](const Result<void>& result) {
    for (const ReadDone& done : asked) done(result);
  };
  const raft::Instant instant = now();
  if (const auto commit = replica_->lease_read(instant)) {
    reads_[id].seq = commit;
    return;
  }
  if (replica_->read_index(id, instant)) return;
  auto refused = reads_.extract(id);
  if (!refused.empty()) refused.mapped().done(tl::unexpected(replica_->not_leading()));
}

void ReplicaHost::await_version(const server::ReadLevel& level, ReadDone done) {
  const auto end = std::chrono::steady_clock::now() + level.patience;
  {
    const std::lock_guard lock(mutex_);
    awaited_.push_back({level, end, std::move(done)});
  }
  news();
}

void ReplicaHost::end_waits() {
  has_ended_waits_ = true;
  news();
}

void ReplicaHost::take_awaited() {
  std::vector<Awaited> awaited;
  {
    const std::lock_guard lock(mutex_);
    awaited.swap(awaited_);
  }
  for (Awaited& one : awaited) waiting_.emplace(one.level.min_version, std::move(one));
  if (!is_stopping_ && !has_ended_waits_ && !replica_->is_over()) return;
  for (const auto& [version, one] : waiting_) one.done(tl::unexpected(stopping()));
  waiting_.clear();
}

// A write that was acknowledged by one disk alone is one of another leader's, or none, if that one
// took it back.
Result<void> ReplicaHost::is_the_one(const server::ReadLevel& level) const {
  if (level.epoch == 0) return {};
  const auto found = replica_->term_of(level.min_version);
  if (!found) {
    return tl::unexpected(
        Error{Errc::kUnknownOutcome,
              "this member cannot read its log there; ask another one: " + describe(found.error()),
              {}});
  }
  if (!*found) {
    return tl::unexpected(
        Error{Errc::kUnknownOutcome, "that long ago the log is gone; read what is there", {}});
  }
  const raft::Term term = **found;
  if (term == level.epoch) return {};
  if (level.epoch > replica_->core().term()) {
    return tl::unexpected(Error{
        Errc::kInvalidArgument,
        fmt::format("arg=epoch this member has heard of no epoch {}, {} is the newest; ver={} is "
                    "of epoch {}",
                    level.epoch, replica_->core().term(), level.min_version, term),
        {}});
  }
  return tl::unexpected(Error{
      Errc::kConflict,
      fmt::format("ver={} epoch={} another leader took that write back", level.min_version, term),
      {}});
}

void ReplicaHost::give_up_waiting() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiting_, [this, now](const auto& entry) {
    const Awaited& one = entry.second;
    if (one.end > now) return false;
    std::string text =
        is_whole_
            ? fmt::format("reason=behind this member has come to version {}", replica_->applied())
            : "reason=behind no leader has told this member yet what is committed";
    one.done(tl::unexpected(Error{Errc::kTryLater, std::move(text), {}}));
    return true;
  });
}

void ReplicaHost::on_read(const raft::ReadResult& result) {
  const auto found = reads_.find(result.id);
  if (found == reads_.end()) return;
  if (result.seq) {
    found->second.seq = result.seq;
    return;
  }
  auto refused = reads_.extract(found);
  refused.mapped().done(tl::unexpected(replica_->not_leading()));
}

// Once in this life of the process, as soon as somebody leads: neither reads of versions, repairs
// nor comparisons of what the members hold ask anybody later.
void ReplicaHost::ask_what_is_whole() {
  const bool may_be_told = !waiting_.empty() || replica_->core().leader() != raft::kNoNode;
  if (!may_be_told || is_asking_ || replica_->is_whole()) return;
  const raft::ReadId id = next_read_++;
  reads_[id].since = std::chrono::steady_clock::now();
  reads_[id].done = [this](const Result<void>&) { is_asking_ = false; };
  is_asking_ = true;
  if (replica_->read_index(id, now())) return;
  reads_.erase(id);
  is_asking_ = false;
}

// What they need may never be committed, or not before a majority is back: who asked was told by a
// leader, or by the lease of this node, that is none any more.
void ReplicaHost::refuse_reads_without_leader() {
  if (replica_->core().leader() != raft::kNoNode) return;
  const std::chrono::microseconds patience(replica_->core().config().election_us);
  const auto end = std::chrono::steady_clock::now() - patience;
  std::vector<ReadDone> refused;
  std::erase_if(reads_, [&](auto& entry) {
    if (!entry.second.seq || entry.second.since > end) return false;
    refused.push_back(std::move(entry.second.done));
    return true;
  });
  for (const ReadDone& done : refused) done(tl::unexpected(replica_->not_leading()));
}

void ReplicaHost::finish_reads() {
  if (!is_whole_ && replica_->is_whole()) is_whole_ = true;
  const raft::Seq applied = replica_->applied();
  for (auto at = reads_.begin(); at != reads_.end();) {
    const auto next = std::next(at);
    if (at->second.seq && *at->second.seq <= applied) {
      auto ready = reads_.extract(at);
      ready.mapped().done({});
    }
    at = next;
  }
  while (is_whole_ && !waiting_.empty() && waiting_.begin()->first <= applied) {
    const auto ready = waiting_.extract(waiting_.begin());
    ready.mapped().done(is_the_one(ready.mapped().level));
  }
}

void ReplicaHost::on_lease(const std::optional<raft::Instant>& until, raft::Seq commit) {
  if (!until) {
    lease_.end();
    return local_acks_.end();
  }
  if (options_.has_lease_reads) lease_.give(*until, commit);
  if (!window_) return;
  const raft::Instant window = window_->end(commit);
  local_acks_.give({.boot_us = std::min(until->boot_us, window.boot_us),
                    .raw_us = std::min(until->raw_us, window.raw_us)},
                   commit);
}

std::optional<Version> ReplicaHost::lease_version() const {
  if (!options_.has_lease_reads) return std::nullopt;
  const auto commit = lease_.look(now());
  if (!commit) return std::nullopt;
  return std::max(*commit, parts_->store.pipeline().local_sequence());
}

}  // namespace kv::cluster
