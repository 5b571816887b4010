#include "cli/served_store.h"

#include <utility>

namespace kv::cli {

Result<ServedStore> ServedStore::open_alone(const std::string& directory, const Options& options) {
  auto store = Store::open(directory, options);
  if (!store) return tl::unexpected(std::move(store).error());
  ServedStore served;
  served.alone_ = std::move(*store);
  return served;
}

Result<ServedStore> ServedStore::open_member(cluster::ClusterNode::Settings settings) {
  auto node = cluster::ClusterNode::open(std::move(settings));
  if (!node) return tl::unexpected(std::move(node).error());
  ServedStore served;
  served.node_ = std::move(*node);
  return served;
}

void ServedStore::step_down() {
  if (node_) node_->step_down();
}

Result<void> ServedStore::close() { return node_ ? node_->close() : alone_->close(); }

}  // namespace kv::cli
