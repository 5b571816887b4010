#include "raft/config.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kv::raft {

bool Config::is_voter(NodeId node) const { return std::ranges::binary_search(voters, node); }

bool Config::is_learner(NodeId node) const { return std::ranges::binary_search(learners, node); }

bool Config::is_well_formed() const {
  const auto is_ascending = [](const std::vector<NodeId>& nodes) {
    return std::ranges::adjacent_find(nodes, std::greater_equal<>()) == nodes.end() &&
           (nodes.empty() || nodes.front() != kNoNode);
  };
  if (!is_ascending(voters) || !is_ascending(learners) || election_us < kElectionMinUs)
    return false;
  return std::ranges::none_of(learners, [&](NodeId node) { return is_voter(node); });
}

std::uint64_t reached_by_majority(const Config& config,
                                  const std::function<std::uint64_t(NodeId)>& value_of) {
  if (config.voters.empty()) return 0;
  std::vector<std::uint64_t> values;
  values.reserve(config.voters.size());
  for (const NodeId voter : config.voters) values.push_back(value_of(voter));
  std::ranges::sort(values, std::greater<>());
  return values[config.majority() - 1];
}

ConfigHistory::ConfigHistory(std::vector<ConfigAt> configs) : configs_(std::move(configs)) {
  KV_CHECK(!configs_.empty());
  KV_CHECK(std::ranges::is_sorted(configs_, {}, &ConfigAt::seq));
}

void ConfigHistory::append(Seq seq, std::shared_ptr<const Config> config) {
  KV_CHECK(config != nullptr);
  KV_CHECK(seq > latest_seq());
  configs_.push_back({seq, std::move(config)});
}

bool ConfigHistory::truncate_from(Seq seq) {
  KV_CHECK(seq > configs_.front().seq);
  const std::size_t before = configs_.size();
  while (configs_.back().seq >= seq) configs_.pop_back();
  return configs_.size() != before;
}

void ConfigHistory::commit_to(Seq seq) {
  std::size_t superseded = 0;
  while (superseded + 1 < configs_.size() && configs_[superseded + 1].seq <= seq) ++superseded;
  configs_.erase(configs_.begin(), configs_.begin() + static_cast<std::ptrdiff_t>(superseded));
}

void ConfigHistory::replace(Seq seq, std::shared_ptr<const Config> config) {
  KV_CHECK(config != nullptr);
  configs_.clear();
  configs_.push_back({seq, std::move(config)});
}

}  // namespace kv::raft
