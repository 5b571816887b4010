// The append step of a session's write: what the session remembers, and what it is to remember from
// here on, are one step with the write itself, under the pipeline's lock and in one record. So
// there is no moment at which a request is done and not remembered, whatever a crash, a roll-back
// or another leader leaves of the log.

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "engine/commit_pipeline.h"
#include "engine/planted.h"
#include "format/session.h"

namespace kv::engine {

namespace {

using format::SessionAnswer;
using format::SessionOutcome;
using format::SessionState;

Error expired() {
  return {Errc::kSessionExpired, "there is no such session, or it was not used for too long", {}};
}

Error forgotten(std::uint64_t done_below) {
  return {Errc::kRequestForgotten,
          fmt::format("done_below={} the session's client said that it has the answer", done_below),
          {}};
}

Error full() {
  return {Errc::kInvalidArgument,
          fmt::format("arg=done_below the session remembers {} requests; say below which one all "
                      "are answered",
                      kSessionRequestsMax),
          {}};
}

// The request's part of the batch; the session's own is added when it is known.
Batch own_part(const Write& write) {
  if (write.kind == Write::Kind::kBatch) return *write.batch;
  Batch batch;
  if (write.kind == Write::Kind::kPut) {
    batch.put(write.key, write.value);
  } else {
    batch.del(write.key);
  }
  return batch;
}

// As it was answered first.
Result<WriteResult> answer_again(const SessionAnswer& answer) {
  if (answer.outcome == SessionOutcome::kConflict) return tl::unexpected(conflict(answer.version));
  WriteResult result;
  result.version = answer.version;
  result.was_found = answer.outcome == SessionOutcome::kDone;
  result.is_repeat = true;
  return result;
}

}  // namespace

void CommitPipeline::submit_open(const Write& write, WriteListener& listener, WriteTag tag) {
  if (sessions() >= settings_.sessions_max) {
    const Error many{Errc::kTryLater,
                     fmt::format("reason=sessions there are {} of them already", sessions()),
                     {}};
    return listener.on_written(tag, tl::unexpected(many));
  }
  const std::string key = format::session_key(write.session.session);
  const std::string value = format::encode_session({write.session.now_ms, 1, {}});
  Write put;
  put.key = key;
  put.value = value;
  put.options.sync = write.options.sync;
  put.options.condition.kind = Condition::Kind::kAbsent;
  put.mode = write.mode;
  submit_own(put, listener, tag);
}

void CommitPipeline::submit_session(const Write& write, WriteListener& listener, WriteTag tag) {
  const auto refuse = [&](Error error) {
    listener.on_written(tag, tl::unexpected(std::move(error)));
  };
  const std::string key = format::session_key(write.session.session);
  Write session;
  session.key = key;
  session.mode = write.mode;
  SessionWrite one{write, key, own_part(write), {}, {}};
  for (;;) {
    auto current = read_current(session);
    if (!current) return refuse(std::move(current).error());
    one.current = std::move(*current);
    auto judged = look_up(write);
    if (!judged) return refuse(std::move(judged).error());
    one.judged = *judged;
    Pending pending;
    pending.listener = &listener;
    pending.tag = tag;
    Lock lock(mutex_);
    pending.needs_disk = needs_disk(write);
    auto refused = refusal_of_all();
    if (!refused && !append_session(one, pending, refused)) continue;
    if (refused) {
      lock.unlock();
      return refuse(std::move(*refused));
    }
    wait_for_place(pending);
    pending_.push_back(std::move(pending));
    notify(lock);
    return;
  }
}

bool CommitPipeline::append_session(SessionWrite& one, Pending& pending,
                                    std::optional<Error>& refused) {
  std::optional<std::string_view> value;
  if (const KeyNewest* const newest = find_newest(one.key)) {
    if (!newest->second.is_delete) value = value_of(*newest);
  } else {
    if (index_.find(one.key) != one.current.place) return false;
    if (one.current.place) value = one.current.value;
  }
  const SessionRequest& request = one.write.session;
  auto state =
      value ? format::decode_session(*value) : Result<SessionState>(tl::unexpected(expired()));
  if (!state) return append_refusal(std::move(state).error(), pending);
  const SessionAnswer* const known = state->find(request.number);
  if (known != nullptr && !is_planted(Bug::kRepeatRequest)) {
    // What is told is as sure as the record that did it, which is waited for if it is on its way.
    pending.result = answer_again(*known);
    return true;
  }
  if (request.number < state->done_below) {
    return append_refusal(forgotten(state->done_below), pending);
  }
  state->forget_below(request.done_below);
  if (known != nullptr) {  // planted
    std::erase_if(state->answers, [&](const auto& each) { return each.number == request.number; });
  }
  if (state->answers.size() >= kSessionRequestsMax) return append_refusal(full(), pending);
  auto judgement = judge_newest(one.write, one.judged);
  if (!judgement) return false;
  refused = refusal_of(one.write);
  if (refused) return true;
  state->used_ms = std::max(state->used_ms, request.now_ms);
  append_outcome(one, *state, std::move(*judgement), pending);
  return true;
}

// It tells of what the session is now, which a leader that was replaced may not know.
bool CommitPipeline::append_refusal(Error error, Pending& pending) {
  pending.result = tl::unexpected(std::move(error));
  if (settings_.is_replicated) append_noop(pending);
  return true;
}

// A request that changes nothing is remembered, too: its repetition may come when it would.
void CommitPipeline::append_outcome(SessionWrite& one, SessionState& state, Judgement judgement,
                                    Pending& pending) {
  const std::uint64_t sequence = tail_.last_sequence() + 1;
  SessionAnswer answer{one.write.session.number, sequence, SessionOutcome::kDone};
  if (!judgement.result) {
    answer.outcome = SessionOutcome::kConflict;
    answer.version = judgement.met;
  } else if (!judgement.result->was_found) {
    answer.outcome = SessionOutcome::kNotFound;
    answer.version = 0;
  }
  state.add(answer);
  const std::string value = format::encode_session(state);
  Write all;
  PreparedRecord record;
  if (answer.outcome == SessionOutcome::kDone) {
    one.batch.put(one.key, value);
    all.kind = Write::Kind::kBatch;
    all.batch = &one.batch;
  } else {
    all.key = one.key;
    record = prepare_record(format::RecordType::kPut, one.key, value, nullptr);
  }
  pending.result = WriteResult{};
  append_record(all, record, pending);
  KV_CHECK(pending.sequence == sequence);
  if (answer.outcome != SessionOutcome::kDone) pending.result = std::move(judgement.result);
}

}  // namespace kv::engine
