#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cluster/cluster_node.h"
#include "kv/store.h"

namespace kv::cli {

// The store that `kv start` serves: one of a server alone, or that of a member of a cluster.
class ServedStore {
 public:
  static Result<ServedStore> open_alone(const std::string& directory, const Options& options);
  static Result<ServedStore> open_member(cluster::ClusterNode::Settings settings);

  Store& store() { return node_ ? node_->store() : *alone_; }
  server::ClusterMember* member() { return node_ ? &node_->member() : nullptr; }
  // Somebody else leads by then, if somebody can.
  void step_down();
  Result<void> close();

 private:
  ServedStore() = default;
  std::optional<Store> alone_;
  std::unique_ptr<cluster::ClusterNode> node_;
};

}  // namespace kv::cli
