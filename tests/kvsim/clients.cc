// What clients of the simulated cluster do, and write down.

#include <fmt/format.h>

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;
using sim::kSecond;

namespace {

constexpr Time kPatience = 2 * kSecond;
constexpr Time kThinkMax = 100 * kMillisecond;

using Answer = linearizability::Operation::Outcome;

// NOT_LEADER and its like promise that nothing was done.
Answer answer_of(const Error& error) {
  if (error.code == Errc::kConflict) return Answer::kConflict;
  return error.code == Errc::kUnknownOutcome ? Answer::kUnknown : Answer::kFailed;
}

}  // namespace

Version version_met(const Error& conflict) {
  return std::stoull(conflict.context.substr(std::string_view("ver=").size()));
}

void Cluster::plan_client(std::size_t client) {
  events_.after(1 + random_.below(kThinkMax), [this, client] {
    if (!is_quiet_) begin_operation(client);
  });
}

Cluster::Operation Cluster::draw_operation(std::size_t client) {
  Operation operation;
  operation.client = clients_[client].name;
  operation.key = fmt::format("k{}", random_.below(options_.keys));
  const std::uint64_t dice = random_.below(10);
  if (dice < 4) return operation;  // GET
  operation.kind = dice == 4 ? Operation::Kind::kDelete : Operation::Kind::kPut;
  if (operation.kind == Operation::Kind::kPut) {
    operation.value =
        fmt::format("v{}", next_value_++) + std::string(random_.below(options_.value_max), '.');
    // Then nothing else fits into its segment.
    if (options_.has_tight_limits && more_random_.chance(50)) {
      operation.value.resize(kSegmentSize, '.');
    }
    if (dice == 5) operation.condition.kind = Condition::Kind::kAbsent;
  }
  return operation;
}

// In place of what was drawn: other conditions, as of what somebody saw of the key, now or long
// ago; or several keys at once.
void Cluster::vary(Operation& operation) {
  if (!operation.is_write() || !more_random_.chance(80)) return;
  if (more_random_.chance(25)) {
    operation.kind = Operation::Kind::kBatch;
    operation.condition = {};
    const std::string value = std::exchange(operation.value, fmt::format("b{}", next_value_++));
    const std::size_t keys = 1 + more_random_.below(4);
    for (std::size_t i = 0; i < keys; ++i) {
      operation.batch.push_back({fmt::format("k{}", more_random_.below(options_.keys)), value});
    }
    operation.key.clear();
    operation.value.clear();
    return;
  }
  const auto seen = seen_.find(operation.key);
  if (seen != seen_.end() && more_random_.chance(70)) {
    const auto& versions = seen->second;
    const bool is_old = more_random_.chance(20);
    operation.condition.kind = Condition::Kind::kVersion;
    operation.condition.version =
        is_old ? versions[more_random_.below(versions.size())] : versions.back();
  } else if (operation.kind == Operation::Kind::kPut) {
    operation.condition.kind =
        more_random_.chance(50) ? Condition::Kind::kPresent : Condition::Kind::kAbsent;
  }
}

// Valid as long as the batch and the operation are.
Write Cluster::write_of(const Operation& operation, Batch& batch) {
  Write write;
  write.kind = Write::Kind::kPut;
  if (operation.kind == Operation::Kind::kDelete) write.kind = Write::Kind::kDelete;
  if (operation.kind == Operation::Kind::kBatch) {
    write.kind = Write::Kind::kBatch;
    for (const auto& [key, value] : operation.batch) batch.put(key, value);
    write.batch = &batch;
  }
  write.key = operation.key;
  write.value = operation.value;
  write.options.condition = operation.condition;
  return write;
}

void Cluster::note_seen(const Operation& operation) {
  if (!options_.has_more_writes || !operation.version || *operation.version == 0) return;
  if (operation.kind != Operation::Kind::kBatch) {
    return seen_[operation.key].push_back(*operation.version);
  }
  for (const auto& [key, value] : operation.batch) seen_[key].push_back(*operation.version);
}

void Cluster::begin_operation(std::size_t client) {
  Operation operation = draw_operation(client);
  if (options_.has_more_writes) vary(operation);
  operation.call_ns = events_.now() * 1000;
  history_.operations.push_back(std::move(operation));
  const std::size_t number = history_.operations.size() - 1;
  const std::uint64_t name = clients_[client].name;
  clients_[client].is_busy = true;
  // Whoever comes from elsewhere may know of newer things than the machine it comes to.
  if (random_.chance(15)) clients_[client].target = random_.below(machines_.size());
  if (is_in_session(client, history_.operations[number])) return begin_request(client, number);
  // Who waits too long goes on as somebody else: the answer may yet come, to nobody.
  events_.after(kPatience, [this, client, number, name] {
    if (clients_[client].name != name || !clients_[client].is_busy ||
        history_.operations[number].return_ns != Operation::kNever) {
      return;
    }
    look_elsewhere(clients_[client]);
    begin_anew(client);
  });
  submit(client, number);
}

void Cluster::submit(std::size_t client, std::size_t number) {
  const std::size_t target = clients_[client].target;
  Machine& machine = *machines_[target];
  const std::uint64_t name = clients_[client].name;
  Operation& operation = history_.operations[number];
  if (!machine.is_up()) {
    operation.outcome = Answer::kFailed;
    return finish(client, number, name);
  }
  if (operation.kind == Operation::Kind::kGet) {
    machine.read(operation.key, [=, this](Result<std::optional<Value>> value) {
      if (clients_[client].name != name) return;
      Operation& told = history_.operations[number];
      told.outcome = !value ? Answer::kFailed : *value ? Answer::kOk : Answer::kNotFound;
      if (value && *value) {
        told.value = (*value)->bytes;
        told.version = (*value)->version;
      }
      note_answer(target, told);
      finish(client, number, name);
    });
    return;
  }
  const auto batch = std::make_shared<Batch>();
  Write write = write_of(operation, *batch);
  if (options_.has_leases && random_.chance(30)) write.options.ack = Ack::kLocal;
  machine.write(write, [=, this, owner = batch](Result<WriteResult> result) {
    if (clients_[client].name != name) return;
    Operation& told = history_.operations[number];
    if (!result) {
      told.outcome = answer_of(result.error());
      if (told.outcome == Answer::kConflict) told.version = version_met(result.error());
      if (told.outcome == Answer::kUnknown) return;
    } else if (result->local_epoch != 0) {
      // It may be lost, and until it is committed nobody may see it.
      outcome_.local_writes += 1;
      invariants_.told(
          Invariants::LocalAnswer{result->local_epoch, result->version, events_.now()});
      told.outcome = Answer::kUnknown;
      return begin_anew(client);
    } else {
      told.outcome = result->was_found ? Answer::kOk : Answer::kNotFound;
      if (result->was_found) told.version = result->version;
      note_answer(target, told);
    }
    finish(client, number, name);
  });
}

// Of what is there, or was written.
void Cluster::note_answer(std::size_t machine, const Operation& operation) {
  if (operation.outcome != Answer::kOk) return;
  const Version version = operation.version.value_or(0);
  if (operation.kind == Operation::Kind::kBatch) {
    for (const auto& [key, value] : operation.batch) {
      invariants_.told(Invariants::Answer{machine, version, key, value});
    }
    return;
  }
  std::optional<std::string> value;
  if (operation.kind != Operation::Kind::kDelete) value = operation.value;
  invariants_.told(Invariants::Answer{machine, version, operation.key, std::move(value)});
}

// As somebody else, for whom it does not matter what becomes of the request before.
void Cluster::begin_anew(std::size_t client) {
  clients_[client].name = next_client_++;
  clients_[client].is_busy = false;
  plan_client(client);
}

void Cluster::finish(std::size_t client, std::size_t number, std::uint64_t name) {
  if (clients_[client].name != name) return;
  Operation& operation = history_.operations[number];
  operation.return_ns = events_.now() * 1000;
  clients_[client].is_busy = false;
  note_seen(operation);
  if (operation.outcome == Answer::kFailed) {
    look_elsewhere(clients_[client]);
  } else {
    (operation.is_write() ? outcome_.writes : outcome_.reads) += 1;
  }
  plan_client(client);
}

void Cluster::look_elsewhere(Client& client) {
  const Machine& machine = *machines_[client.target];
  const auto leader = static_cast<std::uint64_t>(machine.leader());
  client.target = leader != 0 && random_.chance(70) ? static_cast<std::size_t>(leader - 1)
                                                    : random_.below(machines_.size());
}

}  // namespace kv::kvsim
