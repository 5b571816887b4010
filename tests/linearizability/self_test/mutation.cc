#include "tests/linearizability/self_test/mutation.h"

#include <algorithm>

namespace kv::linearizability {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

bool is_good_read(const Operation& operation) {
  return operation.kind == Kind::kGet && operation.is_done();
}
bool is_good_put(const Operation& operation) {
  return operation.kind == Kind::kPut && operation.is_done();
}
bool is_before(const Operation& first, const Operation& second) {
  return first.return_ns < second.call_ns;
}

bool may_be_deleted(const History& history, const std::string& key) {
  return std::ranges::any_of(history.operations, [&](const Operation& operation) {
    return operation.kind == Kind::kDelete && operation.key == key;
  });
}

bool has_put_before(const History& history, const Operation& later) {
  return std::ranges::any_of(history.operations, [&](const Operation& operation) {
    return is_good_put(operation) && operation.key == later.key && is_before(operation, later);
  });
}

// One operation of those that `fits`, changed.
template <class Fits, class Change>
std::optional<History> change_one(const History& history, std::mt19937_64& random, Fits fits,
                                  Change change) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    if (fits(history.operations[i])) places.push_back(i);
  }
  if (places.empty()) return std::nullopt;
  History changed = history;
  change(changed.operations[places[random() % places.size()]]);
  return changed;
}

// Of two operations of a key, of which the first returned before the second was called.
template <class Fits, class Change>
std::optional<History> change_two(const History& history, std::mt19937_64& random, Fits fits,
                                  Change change) {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    for (std::size_t j = 0; j < history.operations.size(); ++j) {
      const Operation& first = history.operations[i];
      const Operation& second = history.operations[j];
      if (first.key != second.key || !is_before(first, second) || !fits(first, second)) continue;
      places.emplace_back(i, j);
    }
  }
  if (places.empty()) return std::nullopt;
  History changed = history;
  const auto [first, second] = places[random() % places.size()];
  change(changed.operations[first], changed.operations[second]);
  return changed;
}

std::optional<History> read_unwritten(const History& history, std::mt19937_64& random) {
  return change_one(history, random, is_good_read, [](Operation& read) { read.value += "?"; });
}

std::optional<History> find_nothing(const History& history, std::mt19937_64& random) {
  const auto fits = [&](const Operation& read) {
    return is_good_read(read) && !may_be_deleted(history, read.key) &&
           has_put_before(history, read);
  };
  return change_one(history, random, fits, [](Operation& read) {
    read.outcome = Outcome::kNotFound;
    read.value.clear();
    read.version.reset();
  });
}

std::optional<History> both_win(const History& history, std::mt19937_64& random) {
  const auto fits = [&](const Operation& put) {
    return put.kind == Kind::kPut && put.outcome == Outcome::kConflict &&
           put.condition.kind == Condition::Kind::kAbsent && !may_be_deleted(history, put.key) &&
           has_put_before(history, put);
  };
  return change_one(history, random, fits, [](Operation& put) {
    put.outcome = Outcome::kOk;
    put.version = 1'000'000;
  });
}

std::optional<History> delete_nothing(const History& history, std::mt19937_64& random) {
  const auto is_first = [&](const Operation& get) {
    return std::ranges::none_of(history.operations, [&](const Operation& other) {
      const bool has_key =
          other.key == get.key ||
          std::ranges::any_of(other.batch, [&](const auto& pair) { return pair.key == get.key; });
      return other.is_write() && has_key && other.call_ns <= get.return_ns;
    });
  };
  const auto fits = [&](const Operation& get) {
    return get.kind == Kind::kGet && get.outcome == Outcome::kNotFound && is_first(get);
  };
  return change_one(history, random, fits, [](Operation& get) {
    get.kind = Kind::kDelete;
    get.outcome = Outcome::kOk;
    get.version = 1'000'000;
  });
}

// A read finds what was overwritten before it was called.
std::optional<History> read_stale(const History& history, std::mt19937_64& random) {
  const auto fits = [&](const Operation& put, const Operation& read) {
    if (!is_good_put(put) || !is_good_read(read)) return false;
    return std::ranges::any_of(history.operations, [&](const Operation& between) {
      return is_good_put(between) && between.key == put.key && is_before(put, between) &&
             is_before(between, read);
    });
  };
  return change_two(history, random, fits, [](Operation& put, Operation& read) {
    read.value = put.value;
    read.version = put.version;
  });
}

// Two reads one after the other find two values one after the other in the wrong order.
std::optional<History> read_backwards(const History& history, std::mt19937_64& random) {
  const auto write_of = [&](const Operation& read) -> const Operation* {
    const auto at = std::ranges::find_if(history.operations, [&](const Operation& put) {
      return is_good_put(put) && put.value == read.value;
    });
    return at == history.operations.end() ? nullptr : &*at;
  };
  const auto fits = [&](const Operation& first, const Operation& second) {
    if (!is_good_read(first) || !is_good_read(second)) return false;
    const Operation* const old = write_of(first);
    const Operation* const young = write_of(second);
    return old != nullptr && young != nullptr && is_before(*old, *young);
  };
  return change_two(history, random, fits, [](Operation& first, Operation& second) {
    std::swap(first.value, second.value);
    std::swap(first.version, second.version);
  });
}

std::optional<History> swap_write_versions(const History& history, std::mt19937_64& random) {
  const auto fits = [](const Operation& first, const Operation& second) {
    return is_good_put(first) && is_good_put(second);
  };
  return change_two(history, random, fits, [](Operation& first, Operation& second) {
    std::swap(first.version, second.version);
  });
}

std::optional<History> share_version(const History& history, std::mt19937_64& random) {
  const auto fits = [](const Operation& first, const Operation& second) {
    return is_good_put(first) && is_good_put(second);
  };
  return change_two(history, random, fits,
                    [](Operation& first, Operation& second) { second.version = first.version; });
}

std::optional<History> read_other_version(const History& history, std::mt19937_64& random) {
  const auto fits = [](const Operation& put, const Operation& read) {
    return is_good_put(put) && is_good_read(read) && put.value != read.value;
  };
  return change_two(history, random, fits,
                    [](Operation& put, Operation& read) { read.version = put.version; });
}

std::optional<History> refuse_with_new_version(const History& history, std::mt19937_64& random) {
  const auto fits = [](const Operation& put, const Operation& refused) {
    return is_good_put(put) && refused.outcome == Outcome::kConflict;
  };
  return change_two(history, random, fits, [](Operation& put, Operation& refused) {
    // What was written before it, and names that.
    refused.condition = {.kind = Condition::Kind::kVersion, .version = *put.version};
    refused.version = put.version;
  });
}

}  // namespace

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> all = {
      {"a read finds what nobody wrote", true, read_unwritten},
      {"a read finds nothing after a put", true, find_nothing},
      {"two puts of a new key win", true, both_win},
      {"a delete succeeds before anything was written", true, delete_nothing},
      {"a stale read", true, read_stale},
      {"reads go back", true, read_backwards},
      {"puts with swapped versions", false, swap_write_versions},
      {"puts with the same version", false, share_version},
      {"a value under another one's version", false, read_other_version},
      {"a refusal that finds what it asked for", false, refuse_with_new_version},
  };
  return all;
}

}  // namespace kv::linearizability
