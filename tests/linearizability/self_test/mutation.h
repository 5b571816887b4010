#pragma once

#include <optional>
#include <random>
#include <vector>

#include "tests/linearizability/history.h"

namespace kv::linearizability {

// One way to make a linearizable history wrong for certain; nullopt: it holds nothing for that.
// Values must be unique. What is wrong concerns one key and shows by values alone where it says so.
struct Mutation {
  const char* name;
  bool shows_by_values;
  std::optional<History> (*apply)(const History& history, std::mt19937_64& random);
};

const std::vector<Mutation>& mutations();

}  // namespace kv::linearizability
