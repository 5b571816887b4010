// Clients that write in sessions: a request whose outcome is not known is sent again, to any
// machine, until there is an answer, while earlier copies of it may still be on their way. In the
// history it is one operation, over all of its tries.

#include <fmt/format.h>

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;

namespace {

constexpr Time kNextTryMax = 600 * kMillisecond;
constexpr Time kHastyMax = 20 * kMillisecond;  // before there can be an answer

using Answer = linearizability::Operation::Outcome;

}  // namespace

bool Cluster::is_in_session(std::size_t client, const Operation& operation) const {
  return options_.has_sessions && client % 2 == 0 && operation.is_write();
}

bool Cluster::is_unanswered(std::size_t operation) const {
  return history_.operations[operation].return_ns == Operation::kNever;
}

void Cluster::begin_request(std::size_t client, std::size_t operation) {
  clients_[client].requests += 1;
  clients_[client].answered.clear();
  try_request(client, operation);
}

void Cluster::try_request(std::size_t client, std::size_t operation) {
  Client& who = clients_[client];
  const std::uint64_t number = ++who.tries;
  const Time patience = 1 + random_.below(random_.chance(30) ? kHastyMax : kNextTryMax);
  events_.after(patience, [=, this] {
    if (!is_unanswered(operation) || clients_[client].tries != number) return;
    look_elsewhere(clients_[client]);
    try_request(client, operation);
  });
  Machine& machine = *machines_[who.target];
  if (!machine.is_up()) return;
  if (who.session == 0) return open_session(client, operation);
  const Operation& told = history_.operations[operation];
  const auto batch = std::make_shared<Batch>();
  Write write = write_of(told, *batch);
  write.session = {who.session, who.requests, who.requests, events_.now() / kMillisecond};
  machine.write(write, [=, this, target = who.target, request = who.requests,
                        owner = batch](const Result<WriteResult>& result) {
    check_answers_agree(client, request, result);
    request_answered(client, operation, result);
    if (result) note_answer(target, history_.operations[operation]);
  });
}

void Cluster::open_session(std::size_t client, std::size_t operation) {
  Write write;
  write.kind = Write::Kind::kOpenSession;
  write.session.session = next_session_++;
  write.session.now_ms = events_.now() / kMillisecond;
  const auto opened = [=, this,
                       session = write.session.session](const Result<WriteResult>& result) {
    if (!result || clients_[client].session != 0) return;
    clients_[client].session = session;
    // Not from within the store's answer.
    events_.after(1, [=, this] {
      if (is_unanswered(operation)) try_request(client, operation);
    });
  };
  machines_[clients_[client].target]->write(write, opened);
}

// One result for a request, whoever tells it and however often it was sent.
void Cluster::check_answers_agree(std::size_t client, std::uint64_t request,
                                  const Result<WriteResult>& result) {
  Client& who = clients_[client];
  const bool is_conflict = !result && result.error().code == Errc::kConflict;
  if ((!result && !is_conflict) || who.requests != request) return;
  const std::string told =
      is_conflict ? "conflict with " + result.error().context
                  : fmt::format("version {} found {}", result->version, result->was_found);
  const std::string before = std::exchange(who.answered, told);
  if (before.empty() || before == told) return;
  report(fmt::format("OneResult: request {} of session {}: {}, and then {}", request, who.session,
                     before, told));
}

// Of any of its tries.
void Cluster::request_answered(std::size_t client, std::size_t operation,
                               const Result<WriteResult>& result) {
  if (result && result->is_repeat) outcome_.repeats += 1;
  if (!is_unanswered(operation)) return;
  Operation& told = history_.operations[operation];
  if (result) {
    told.outcome = result->was_found ? Answer::kOk : Answer::kNotFound;
    if (result->was_found) told.version = result->version;
  } else if (result.error().code == Errc::kConflict) {
    told.outcome = Answer::kConflict;
    told.version = version_met(result.error());
  } else if (result.error().code == Errc::kSessionExpired ||
             result.error().code == Errc::kRequestForgotten) {
    return report(fmt::format("request {} of session {}: {}", clients_[client].requests,
                              clients_[client].session, describe(result.error())));
  } else {
    return;  // the next try will tell
  }
  finish(client, operation, told.client);
}

}  // namespace kv::kvsim
